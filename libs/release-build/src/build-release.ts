import { hashIds } from '@mic/domain';
import type { Dataset } from '@mic/dataset';
import { itemPopularity } from '@mic/evaluation';
import { buildHnsw, measureRecall } from '@mic/hnsw-index';
import { alignHistories, encodeWorld, measureQuality, type EncodedWorld, type ItemFacts } from '@mic/model-evaluation';
import { padLists, RELEASE_FILES as FILES, ReleaseWriter, type Manifest, type Quality } from '@mic/release';
import { loadEncodedFields, loadSplit, type EncodedFields, type TrainedModel } from '@mic/training';
import type { BuildConfig } from './build-config';

/** Stages of a build, in order. */
export type BuildStage = 'load' | 'quality' | 'encode' | 'write';

export interface BuildReleaseOptions {
  readonly model: TrainedModel;
  readonly dataset: Dataset;
  /** Folder of all releases. */
  readonly releasesDir: string;
  readonly config: BuildConfig;
  readonly onStage?: (stage: BuildStage) => void;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Builds a release from a model and a dataset: quality in the world without the held-out events, then vectors, lists and
 * index in the world of all events, written and named at the end. A build that fails leaves nothing behind.
 */
export async function buildRelease(options: BuildReleaseOptions): Promise<Manifest> {
  const { model, dataset, releasesDir, config, onStage = () => undefined, onProgress } = options;
  onStage('load');
  const { data } = model.info.config;
  const histories = alignHistories(await dataset.loadInteractions({ maxPerUser: data.historyCap }), model);
  const fields = await loadEncodedFields(dataset, model.schema, model.userIds, model.itemIds);
  const { names, categories } = await dataset.loadItemCategories(model.schema, model.itemIds);
  const facts: ItemFacts = {
    itemIds: model.itemIds,
    categories,
    categoryNames: names,
    popularity: itemPopularity(histories),
  };

  let quality: Quality = { protocol: 'none', users: 0, metrics: {} };
  const { protocol, seed, seenSha256 } = model.info;
  const split = protocol === 'leave-one-out' ? await loadSplit(dataset, { protocol, cutMs: null, ...data }) : null;
  if (split?.seenSha256 === seenSha256) {
    onStage('quality');
    const world = await encodeWorld({ model, fields, histories: split.known, lengths: config });
    const window = model.signature.longestHistory;
    quality = await measureQuality({ world, split, facts, mostUsers: config.evaluatedUsers, window, seed, onProgress });
  }

  onStage('encode');
  const world = await encodeWorld({ model, fields, histories, lengths: config });
  onStage('write');
  return writeRelease({ model, fields, facts, world, quality, config, releasesDir });
}

interface ReleaseParts {
  readonly model: TrainedModel;
  readonly fields: EncodedFields;
  readonly facts: ItemFacts;
  readonly world: EncodedWorld;
  readonly quality: Quality;
  readonly config: BuildConfig;
  readonly releasesDir: string;
}

async function writeRelease(parts: ReleaseParts): Promise<Manifest> {
  const { model, fields, facts, world, quality, config, releasesDir } = parts;
  const writer = await ReleaseWriter.create(releasesDir);
  try {
    await writer.writeJson(FILES.featureSchema, model.schema);
    await writer.writeJson(FILES.towerSignature, model.signature);
    await writer.writeBytes(FILES.userTower, model.userTower);
    await writer.writeBytes(FILES.itemTower, model.itemTower);
    await writer.writeStrings(FILES.userIds, model.userIds);
    await writer.writeArray(FILES.userEmbeddings, model.userRows);
    await writer.writeArray(FILES.userProfiles, fields.profiles);
    await writer.writeArray(FILES.userVectors, world.userMeans);
    await writer.writeStrings(FILES.itemIds, model.itemIds);
    await writer.writeArray(FILES.itemHashes, hashIds(model.itemIds));
    await writer.writeArray(FILES.itemFields, fields.itemFields);
    await writer.writeArray(FILES.itemCategories, facts.categories);
    await writer.writeJson(FILES.categoryNames, facts.categoryNames);
    await writer.writeArray(FILES.itemPopularity, facts.popularity);
    await writer.writeArray(FILES.itemEmbeddings, model.itemRows);
    await writer.writeArray(FILES.itemVectors, world.itemVectors);
    const u2u = padLists(world.u2u, config.u2uLength);
    await writer.writeArray(FILES.u2uRows, u2u.rows);
    await writer.writeArray(FILES.u2uSimilarities, u2u.similarities);
    const i2i = padLists(world.i2i, config.i2iLength);
    await writer.writeArray(FILES.i2iRows, i2i.rows);
    await writer.writeArray(FILES.i2iSimilarities, i2i.similarities);
    const index = await writeIndex(writer, world, config);
    return await writer.finish({
      parent: null,
      createdAt: new Date().toISOString(),
      dataset: model.info.dataset,
      encoder: model.info.encoder,
      dimension: model.signature.dimension,
      metric: 'cosine',
      counts: {
        users: model.userIds.length,
        items: model.itemIds.length,
        events: world.histories.itemRows.length,
        categories: facts.categoryNames.length - 1,
      },
      index,
      lists: { u2u: config.u2uLength, i2i: config.i2iLength },
      training: model.info,
      quality,
    });
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** Queries on which the index is compared with exact search. */
const RECALL_QUERIES = 200;

async function writeIndex(writer: ReleaseWriter, world: EncodedWorld, config: BuildConfig): Promise<Manifest['index']> {
  const { itemVectors: vectors, userMeans, dimension, histories } = world;
  const count = histories.itemCount;
  if (count < config.exactBelowItems) return { kind: 'exact' };
  const { m, efConstruction, ef } = config.hnsw;
  let recallAt100 = 0;
  await writer.writeThrough(FILES.itemIndex, async (path) => {
    await buildHnsw({ vectors, count, dimension, m, efConstruction, path });
    const queryCount = Math.min(RECALL_QUERIES, histories.userCount);
    const queries = userMeans.subarray(0, queryCount * dimension);
    recallAt100 = await measureRecall({ path, vectors, count, dimension, queries, queryCount, k: 100, ef });
  });
  return { kind: 'hnsw', m, efConstruction, ef, recallAt100 };
}
