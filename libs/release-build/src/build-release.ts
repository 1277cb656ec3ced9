import { hashIds, MicError, type HistoryTable } from '@mic/domain';
import type { Dataset } from '@mic/dataset';
import { isLastEventProtocol, itemPopularity, sampleCases, type Split, type TestCase } from '@mic/evaluation';
import {
  alignHistories,
  alignSplit,
  encodeVectors,
  encodeWorld,
  measureQuality,
  type ItemFacts,
} from '@mic/model-evaluation';
import {
  firstNotUnit,
  listReleases,
  readColumn,
  RELEASE_FILES as FILES,
  ReleaseWriter,
  verifyRelease,
  type IndexInfo,
  type Manifest,
  type OpenRelease,
  type Quality,
} from '@mic/release';
import { encodeUsers, loadEncodedFields, loadSplit } from '@mic/training';
import type { BuildConfig } from './build-config';
import { buildKey } from './build-key';
import { withLock } from './build-lock';
import { compareWithParent, type ComparedBuild } from './gate/compare-with-parent';
import { judge } from './gate/judge';
import { ownFigures } from './gate/own-figures';
import { nearestLists, type NearestListsRequest } from './nearest-lists';
import { popularItems } from './popular-items';
import type { ReleaseModel } from './release-model';
import { releaseSignature } from './release-signature';
import { describeIndex, fillIndex, type SearchableRows } from './row-index';
import { StageClock, type StageReport } from './stage-clock';

/** Stages of a build. Those of items and those of users run beside one another. */
export const BUILD_STAGES = [
  'inputs',
  'vectors',
  'user-index',
  'item-index',
  'similar-items',
  'similar-users',
  'user-items',
  'quality',
  'gate',
] as const;
export type BuildStage = (typeof BUILD_STAGES)[number];

export interface BuildReleaseOptions {
  readonly model: ReleaseModel;
  readonly dataset: Dataset;
  /** Folder of all releases. */
  readonly releasesDir: string;
  readonly config: BuildConfig;
  /** The release that is served now: the gate compares with it. */
  readonly parent?: OpenRelease | null;
  readonly onStage?: (report: StageReport) => void;
}

/**
 * Builds a release from a model and a dataset, stage by stage: vectors, indexes, lists, quality in the world without the
 * held-out events, the gate. What a killed build has finished is taken over; a build that is complete and whole is not done again.
 *
 * @returns the manifest; whether the release passed the gate stands in it.
 * @throws MicError FAILED_PRECONDITION when another build is at work on the folder, or the model does not fit the dataset.
 */
export async function buildRelease(options: BuildReleaseOptions): Promise<Manifest> {
  const { model, dataset, releasesDir, config, parent } = options;
  return withLock(releasesDir, 'a build', async () => {
    const parentId = parent?.releaseId ?? null;
    const key = buildKey({ model, datasetSha256: await dataset.digest(), config, parentId });
    for (const { directory, manifest } of await listReleases(releasesDir)) {
      if (manifest?.build.key === key && (await verifyRelease(directory)).ok) return manifest;
    }
    await ReleaseWriter.removeAbandoned(releasesDir, key);
    const writer = await ReleaseWriter.open(releasesDir, key);
    return new Build(writer, key, options).run();
  });
}

/** One build under way. */
class Build {
  readonly #writer: ReleaseWriter;
  readonly #key: string;
  readonly #options: BuildReleaseOptions;
  readonly #clock: StageClock;

  constructor(writer: ReleaseWriter, key: string, options: BuildReleaseOptions) {
    this.#writer = writer;
    this.#key = key;
    this.#options = options;
    this.#clock = new StageClock(writer, options.onStage);
  }

  async run(): Promise<Manifest> {
    const { model, config, parent } = this.#options;
    const { users, items, categories } = await this.#writeInputs();
    const { events } = await this.#writeVectors();
    const ofUsers = await this.#rows(FILES.userVectors, users);
    const ofItems = await this.#rows(FILES.itemVectors, items);
    // A graph is filled by one thread: that of the users has one core for itself, all work on items the other.
    const [userIndex, [itemIndex, i2i]] = await Promise.all([
      this.#writeIndex('user-index', FILES.userIndex, ofUsers, ofUsers.vectors),
      this.#writeIndex('item-index', FILES.itemIndex, ofItems, ofUsers.vectors).then(async (index) => {
        return [index, await this.#writeSimilarItems(ofItems, index)] as const;
      }),
    ]);
    const u2u = await this.#writeSimilarUsers(ofUsers, userIndex);
    const u2i = await this.#writeUserItems(ofItems, itemIndex);
    const quality = await this.#measureQuality();
    const gate = await this.#judge({ ofUsers, ofItems, userIndex, itemIndex, u2u, i2i });
    return this.#writer.finish({
      parent: parent?.releaseId ?? null,
      createdAt: new Date().toISOString(),
      dataset: model.info.dataset,
      encoder: model.info.encoder,
      dimension: model.signature.dimension,
      metric: 'cosine',
      counts: { users, items, events, categories },
      index: itemIndex,
      userIndex,
      lists: {
        u2u: { length: config.u2uLength, ...u2u },
        i2i: { length: config.i2iLength, ...i2i },
        u2i: { length: config.u2iLength, ...u2i },
        popular: { length: config.popularLength },
      },
      training: { ...model.info },
      quality,
      gate,
      build: { key: this.#key, stages: this.#clock.stages(), peakBytes: peakBytes() },
    });
  }

  /** Everything that is the same in the release as in the model and the dataset. */
  #writeInputs(): Promise<{ users: number; items: number; categories: number }> {
    return this.#clock.stage('inputs', async () => {
      const { model, dataset } = this.#options;
      const writer = this.#writer;
      const fields = await loadEncodedFields(dataset, model.schema, model.userIds, model.itemIds);
      const { names, categories } = await dataset.loadItemCategories(model.schema, model.itemIds);
      await writer.writeJson(FILES.featureSchema, model.schema);
      await writer.writeJson(FILES.towerSignature, releaseSignature(model));
      await writer.writeBytes(FILES.userTower, model.userTower);
      await writer.writeBytes(FILES.itemTower, model.itemTower);
      await writer.writeStrings(FILES.userIds, model.userIds);
      await writer.writeArray(FILES.userEmbeddings, model.userRows);
      await writer.writeArray(FILES.userProfiles, fields.profiles);
      await writer.writeStrings(FILES.itemIds, model.itemIds);
      await writer.writeArray(FILES.itemHashes, hashIds(model.itemIds));
      await writer.writeArray(FILES.itemEmbeddings, model.itemRows);
      await writer.writeArray(FILES.itemFields, fields.itemFields);
      await writer.writeArray(FILES.itemCategories, categories);
      await writer.writeJson(FILES.categoryNames, names);
      return { users: model.userIds.length, items: model.itemIds.length, categories: names.length - 1 };
    });
  }

  #writeVectors(): Promise<{ events: number }> {
    return this.#clock.stage('vectors', async () => {
      const { model, dataset, config } = this.#options;
      const histories = await this.#histories();
      const facts = await this.#facts(histories);
      const fields = await loadEncodedFields(dataset, model.schema, model.userIds, model.itemIds);
      const { newItemShifts } = config;
      const vectors = await encodeVectors({ model, fields, histories, newItemShifts });
      const { dimension, vectorsPerUser } = vectors;
      requireUnit('user', vectors.userVectors, dimension, (row) => model.userIds[Math.floor(row / vectorsPerUser)]!);
      requireUnit('item', vectors.itemVectors, dimension, (row) => model.itemIds[row]!);
      await this.#writer.writeArray(FILES.userVectors, vectors.userMeans);
      await this.#writer.writeArray(FILES.itemVectors, vectors.itemVectors);
      await this.#writer.writeArray(FILES.itemPopularity, facts.popularity);
      const { popularity, categories, categoryNames } = facts;
      const popular = popularItems(popularity, categories, categoryNames.length - 1, config.popularLength);
      await this.#writer.writeArray(FILES.itemPopular, popular);
      return { events: histories.itemRows.length };
    });
  }

  /** Vectors of the release as they were written. */
  async #rows(path: string, count: number): Promise<SearchableRows> {
    const vectors = await readColumn(this.#writer.pathOf(path), Float32Array);
    return { vectors, count, dimension: this.#options.model.signature.dimension };
  }

  /** @param asked vectors that the index is asked for, of which a sample measures it. */
  #writeIndex(stage: BuildStage, path: string, rows: SearchableRows, asked: Float32Array): Promise<IndexInfo> {
    const { exactIndexBelow, hnsw, gate } = this.#options.config;
    const { least } = (stage === 'user-index' ? gate.users : gate.items).recallAt100;
    return this.#clock.stage(stage, async (onProgress): Promise<IndexInfo> => {
      if (rows.count < exactIndexBelow) return { kind: 'exact' };
      await this.#writer.writeThrough(path, (file) => fillIndex(rows, file, hnsw, onProgress));
      return describeIndex(rows, this.#writer.pathOf(path), asked, hnsw, least);
    });
  }

  #writeSimilarItems(of: SearchableRows, index: IndexInfo): Promise<{ recall: number }> {
    const request = { of, queries: of.vectors, vectorsPerQuery: 1, withoutSelf: true };
    const paths = { rows: FILES.i2iRows, similarities: FILES.i2iSimilarities, index: FILES.itemIndex };
    return this.#clock.stage('similar-items', (onProgress) =>
      this.#writeLists({ ...request, length: this.#options.config.i2iLength, onProgress }, index, paths),
    );
  }

  #writeSimilarUsers(of: SearchableRows, index: IndexInfo): Promise<{ recall: number }> {
    const request = { of, queries: of.vectors, vectorsPerQuery: 1, withoutSelf: true };
    const paths = { rows: FILES.u2uRows, similarities: FILES.u2uSimilarities, index: FILES.userIndex };
    return this.#clock.stage('similar-users', (onProgress) =>
      this.#writeLists({ ...request, length: this.#options.config.u2uLength, onProgress }, index, paths),
    );
  }

  #writeUserItems(of: SearchableRows, index: IndexInfo): Promise<{ recall: number }> {
    const length = this.#options.config.u2iLength;
    const paths = { rows: FILES.u2iRows, similarities: FILES.u2iSimilarities, index: FILES.itemIndex };
    if (length === 0) return Promise.resolve({ recall: 1 });
    return this.#clock.stage('user-items', async (onProgress) => {
      const { model, dataset } = this.#options;
      const { vectorsPerUser } = model.signature;
      const fields = await loadEncodedFields(dataset, model.schema, model.userIds, model.itemIds);
      const queries = await encodeUsers(model.userTower, { ...model, ...fields, histories: await this.#histories() });
      const request = { of, queries, vectorsPerQuery: vectorsPerUser, withoutSelf: false, length, onProgress };
      return this.#writeLists(request, index, paths);
    });
  }

  async #writeLists(
    request: Omit<NearestListsRequest, 'indexPath' | 'ef'>,
    index: IndexInfo,
    paths: { readonly rows: string; readonly similarities: string; readonly index: string },
  ): Promise<{ recall: number }> {
    const { exactListsBelow, hnsw } = this.#options.config;
    const approximate = index.kind === 'hnsw' && request.of.count >= exactListsBelow;
    const indexPath = approximate ? this.#writer.pathOf(paths.index) : null;
    const { rows, similarities, recall } = await nearestLists({ ...request, indexPath, ef: hnsw.ef });
    await this.#writer.writeArray(paths.rows, rows);
    await this.#writer.writeArray(paths.similarities, similarities);
    return { recall };
  }

  #measureQuality(): Promise<Quality> {
    return this.#clock.stage('quality', async (onProgress): Promise<Quality> => {
      const { model, dataset, config } = this.#options;
      const held = await this.#heldOut();
      const { protocol } = model.info;
      if (held.cases.length === 0 || !isLastEventProtocol(protocol)) return { protocol: 'none', users: 0, metrics: {} };
      const { split } = held;
      const cases = sampleCases(held.cases, config.evaluatedUsers, model.info.seed);
      const users = Uint32Array.from(cases, ({ user }) => user).sort();
      const { offsets, itemRows } = split.known;
      const items = new Set(
        cases.flatMap(({ user }) => Array.from(itemRows.subarray(offsets[user], offsets[user + 1]))),
      );
      const fields = await loadEncodedFields(dataset, model.schema, model.userIds, model.itemIds);
      const only = { users, items: Uint32Array.from(items).sort() };
      const world = await encodeWorld({ model, fields, histories: split.known, lengths: config, only });
      const window = model.signature.longestHistory;
      return measureQuality({
        protocol,
        world,
        split,
        cases,
        facts: await this.#facts(split.train),
        window,
        onProgress,
      });
    });
  }

  #judge(parts: {
    readonly ofUsers: SearchableRows;
    readonly ofItems: SearchableRows;
    readonly userIndex: IndexInfo;
    readonly itemIndex: IndexInfo;
    readonly u2u: { readonly recall: number };
    readonly i2i: { readonly recall: number };
  }): Promise<Manifest['gate']> {
    const { config, parent = null } = this.#options;
    const listsOf = async (path: string, length: number, { recall }: { readonly recall: number }) => {
      return { rows: await readColumn(this.#writer.pathOf(path), Uint32Array), length, recall };
    };
    return this.#clock.stage('gate', async () => {
      const { ofUsers, ofItems, userIndex, itemIndex } = parts;
      const own = ownFigures({
        dimension: ofUsers.dimension,
        userVectors: ofUsers.vectors,
        itemVectors: ofItems.vectors,
        userIndex,
        itemIndex,
        u2u: await listsOf(FILES.u2uRows, config.u2uLength, parts.u2u),
        i2i: await listsOf(FILES.i2iRows, config.i2iLength, parts.i2i),
      });
      const compared = await compareWithParent(() => this.#compared(ofItems.vectors), parent);
      return judge({ ...own, ...compared }, config.gate);
    });
  }

  async #compared(itemVectors: Float32Array): Promise<ComparedBuild> {
    const { model, dataset } = this.#options;
    const fields = await loadEncodedFields(dataset, model.schema, model.userIds, model.itemIds);
    const { split, cases } = await this.#heldOut();
    return { model, fields, itemVectors, histories: split.known, cases };
  }

  /** What the model's protocol holds out; no cases where training has seen them, or this dataset is another one. */
  async #heldOut(): Promise<{ readonly split: Split; readonly cases: readonly TestCase[] }> {
    const { model, dataset } = this.#options;
    const { protocol, seenSha256, config } = model.info;
    if (isLastEventProtocol(protocol)) {
      const split = await loadSplit(dataset, { protocol, cutMs: null, ...config.data });
      const aligned = split.seenSha256 === seenSha256 ? alignSplit(split, model) : null;
      if (aligned) return { split: aligned, cases: aligned.cases };
    }
    const histories = await this.#histories();
    return { split: { train: histories, known: histories, cases: [] }, cases: [] };
  }

  /** The users' events in the model's rows. */
  async #histories(): Promise<HistoryTable> {
    const { model, dataset } = this.#options;
    const { historyCap } = model.info.config.data;
    return alignHistories(await dataset.loadInteractions({ maxPerUser: historyCap }), model);
  }

  async #facts(histories: HistoryTable): Promise<ItemFacts> {
    const { model, dataset } = this.#options;
    const { names, categories } = await dataset.loadItemCategories(model.schema, model.itemIds);
    return { itemIds: model.itemIds, categories, categoryNames: names, popularity: itemPopularity(histories) };
  }
}

/** @throws MicError FAILED_PRECONDITION naming the first user or item whose vector is no unit vector. */
function requireUnit(
  tower: 'user' | 'item',
  vectors: Float32Array,
  dimension: number,
  idOf: (row: number) => string,
): void {
  const found = firstNotUnit(vectors, dimension);
  if (!found) return;
  throw new MicError(
    'FAILED_PRECONDITION',
    `the ${tower} tower gives ${tower} ${JSON.stringify(idOf(found.row))} a vector of length ${found.length}, not 1`,
    { subject: tower, remedy: 'let the tower give unit vectors, or say "normalise": true in its signature' },
  );
}

/** Largest resident memory of the process so far, threads included. */
const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;
