import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MicError } from '@mic/domain';
import type { FeatureSchema } from '@mic/features';
import { buildFeatureSchema, type FeatureSchemaOptions } from './build-feature-schema';
import { DATASET_FILES, datasetInfoSchema, type DatasetFiles, type DatasetInfo } from './dataset-info';
import { openDuck, queryRow, sqlText, type Duck } from './duck';
import { loadCategories, loadFields, loadTexts, type ItemCategories } from './load-fields';
import { loadInteractions, type InteractionLimits, type Interactions } from './load-interactions';
import { sampleDataset, type DatasetSample } from './sample-dataset';
import { streamHistories, type DatasetHistories, type StreamHistoriesOptions } from './stream-histories';

/** A dataset directory that is open for reading; close it when done. */
export class Dataset {
  readonly #duck: Duck;
  readonly #spillDir: string;
  readonly #files: DatasetFiles;

  /** Use openDataset. */
  constructor(
    readonly dir: string,
    readonly info: DatasetInfo,
    files: DatasetFiles,
    duck: Duck,
    spillDir: string,
  ) {
    this.#files = files;
    this.#duck = duck;
    this.#spillDir = spillDir;
  }

  /**
   * Users and items that have events, and their histories.
   * @param options.maxPerUser newest events kept of each user; default: all
   * @param options.cutMs keeps so many on either side of that moment
   */
  loadInteractions(options: InteractionLimits = {}): Promise<Interactions> {
    return loadInteractions(this.#duck.connection, this.#files.events, options);
  }

  /** The histories of all users, a portion at a time: memory does not follow the number of events. */
  streamHistories(options: StreamHistoriesOptions): AsyncGenerator<DatasetHistories> {
    return streamHistories(this.#duck.connection, this.#files.events, options);
  }

  /** The time (ms) before which that share of the events lies. */
  async timeAt(share: number): Promise<number> {
    const { time } = await queryRow<{ time: number }>(
      this.#duck.connection,
      `SELECT quantile_disc(time_ms, ${share})::DOUBLE AS time FROM read_parquet(${sqlText(this.#files.events)})`,
    );
    return time;
  }

  /** Vocabularies and bucket boundaries of the dataset's fields, from all rows of its users and items tables. */
  buildFeatureSchema(options: FeatureSchemaOptions = {}): Promise<FeatureSchema> {
    return buildFeatureSchema(this.#duck.connection, this.#files, this.info, options);
  }

  /**
   * Encoded fields of users, userIds.length x profile width; 0 for users that the users table lacks.
   * @throws MicError FAILED_PRECONDITION when the dataset lacks a field of the schema.
   */
  loadUserProfiles(schema: FeatureSchema, userIds: readonly string[]): Promise<Int32Array> {
    return loadFields(
      this.#duck.connection,
      this.#files.users,
      'users',
      this.info.userFields,
      schema.userFields,
      userIds,
    );
  }

  /** As loadUserProfiles, for items. */
  loadItemFields(schema: FeatureSchema, itemIds: readonly string[]): Promise<Int32Array> {
    return loadFields(
      this.#duck.connection,
      this.#files.items,
      'items',
      this.info.itemFields,
      schema.itemFields,
      itemIds,
    );
  }

  /** Category of each item: the first value of the schema's category field. */
  loadItemCategories(schema: FeatureSchema, itemIds: readonly string[]): Promise<ItemCategories> {
    return loadCategories(
      this.#duck.connection,
      this.#files.items,
      this.info.itemFields,
      schema.categoryField,
      itemIds,
    );
  }

  /** Title of each item, the text field `title`; '' where there is none. */
  loadItemTitles(itemIds: readonly string[]): Promise<string[]> {
    return loadTexts(this.#duck.connection, this.#files.items, this.info.itemFields, 'title', itemIds);
  }

  /** sha256 over the bytes of all files, hex. */
  async digest(): Promise<string> {
    const hash = createHash('sha256');
    for (const file of [join(this.dir, DATASET_FILES.info), ...Object.values(this.#files)]) {
      for await (const chunk of createReadStream(file, { highWaterMark: 4 << 20 })) hash.update(chunk as Buffer);
    }
    return hash.digest('hex');
  }

  /** First and last time of the events, and a few rows of each table, for people to look at. */
  sample(rows = 3): Promise<DatasetSample> {
    return sampleDataset(this.#duck.connection, this.#files, rows);
  }

  async close(): Promise<void> {
    this.#duck.close();
    await rm(this.#spillDir, { recursive: true, force: true });
  }
}

/**
 * Opens a dataset directory.
 * @throws MicError NOT_FOUND when there is none, DATA_LOSS when a file is missing or is not what dataset.json says.
 */
export async function openDataset(dir: string): Promise<Dataset> {
  const root = resolve(dir);
  const info = await readInfo(root);
  const at = (file: string) => join(root, file);
  const files = { events: at(DATASET_FILES.events), users: at(DATASET_FILES.users), items: at(DATASET_FILES.items) };
  const spillDir = await mkdtemp(join(tmpdir(), 'mic-dataset-'));
  const duck = await openDuck(':memory:', spillDir);
  try {
    await checkRows(duck, files.events, info.counts.events);
    await checkRows(duck, files.users, info.counts.userRows);
    await checkRows(duck, files.items, info.counts.itemRows);
    return new Dataset(root, info, files, duck, spillDir);
  } catch (error) {
    duck.close();
    await rm(spillDir, { recursive: true, force: true });
    throw error;
  }
}

async function readInfo(root: string): Promise<DatasetInfo> {
  const file = join(root, DATASET_FILES.info);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new MicError('NOT_FOUND', `${root} is not a dataset: it has no ${DATASET_FILES.info}`, {
      remedy: 'make one with `mic data import` or `mic data synth`',
      subject: root,
      cause,
    });
  }
  try {
    return datasetInfoSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw damaged(file, 'is not a dataset description of this version', cause);
  }
}

async function checkRows(duck: Duck, file: string, expected: number): Promise<void> {
  if (!existsSync(file)) throw damaged(file, 'is missing');
  let rows: number;
  try {
    ({ rows } = await queryRow<{ rows: number }>(
      duck.connection,
      `SELECT count(*)::DOUBLE AS rows FROM read_parquet(${sqlText(file)})`,
    ));
  } catch (cause) {
    throw damaged(file, 'is not readable', cause);
  }
  if (rows !== expected) throw damaged(file, `has ${rows} rows, and ${DATASET_FILES.info} says ${expected}`);
}

function damaged(file: string, problem: string, cause?: unknown): MicError {
  return new MicError('DATA_LOSS', `${file} ${problem}`, { remedy: 'make the dataset again', subject: file, cause });
}
