import { join } from 'node:path';
import { DOUBLE, INTEGER, VARCHAR } from '@duckdb/node-api';
import { MicError, Random } from '@mic/domain';
import { ChunkWriter } from './chunk-writer';
import { openDuck, type Duck } from './duck';
import { importReport, type ImportReport, type OnProgress } from './import-report';
import { itemFields, makeCatalogue, type Catalogue } from './synth/catalogue';
import { eventCounts } from './synth/event-counts';
import { Population } from './synth/population';
import { Walk } from './synth/walk';
import { writeDirectory } from './write-directory';
import { writeSorted } from './write-dataset';

export interface SynthesizeOptions {
  /** At least 1, 10 and as many as users. */
  readonly users: number;
  readonly items: number;
  readonly events: number;
  /** A whole number from 0; the same one makes the same world. */
  readonly seed: number;
  /** Dataset directory to make. */
  readonly out: string;
  /** Replace the dataset that is there. */
  readonly force?: boolean;
  /** Events made, of all. */
  readonly onProgress?: OnProgress;
}

const FEWEST_ITEMS = 10;
/** Streams of the seed: one per part of the world, so that a change of one part leaves the others. */
const STREAM = { catalogue: 1, items: 2, population: 3, users: 4, counts: 5, walk: 6 };
const LIST_SEPARATOR = '|';

/**
 * Makes a world of users and items with latent taste, categories, popularity skew and drift, and its events (ours).
 * User ids are user-00000 ..., item ids item-000000 ...; the world ends with the year 2025 and lasts 60 days.
 * @throws MicError INVALID_ARGUMENT when the numbers do not fit together.
 */
export async function synthesize(options: SynthesizeOptions): Promise<ImportReport> {
  const { users, items, events, seed } = options;
  const mostPerUser = checkSizes(users, items, events, seed);
  const info = await writeDirectory(options.out, options.force ?? false, async (dir, scratch) => {
    const duck = await openDuck(join(scratch, 'world.duckdb'), join(scratch, 'spill'));
    try {
      const catalogue = makeCatalogue(items, new Random(seed, STREAM.catalogue));
      await writeItems(duck, catalogue, new Random(seed, STREAM.items));
      const counts = eventCounts(users, events, mostPerUser, new Random(seed, STREAM.counts));
      await writeUsersAndEvents(duck, catalogue, counts, options);
      return await writeSorted(duck.connection, dir, {
        name: 'synthetic',
        source: `mic data synth --users ${users} --items ${items} --events ${events} --seed ${seed}`,
        order: 'timestamp',
        userFields: [
          { name: 'age', type: 'numeric', buckets: 10 },
          { name: 'country', type: 'categorical' },
          { name: 'device', type: 'categorical' },
        ],
        itemFields: [
          { name: 'category', type: 'categorical' },
          { name: 'tags', type: 'multi' },
          { name: 'author', type: 'categorical' },
          { name: 'length', type: 'numeric', buckets: 10 },
        ],
        categoryField: 'category',
        skipped: { filtered: 0, duplicates: 0, bad: [] },
      });
    } finally {
      duck.close();
    }
  });
  return importReport(options.out, info);
}

/** @returns most events of one user: half of the items, so that a user finds new ones. */
function checkSizes(users: number, items: number, events: number, seed: number): number {
  const refuse = (message: string, remedy: string, subject: string) =>
    new MicError('INVALID_ARGUMENT', message, { remedy, subject });
  for (const [subject, value, least] of [
    ['users', users, 1],
    ['items', items, FEWEST_ITEMS],
    ['events', events, 1],
    ['seed', seed, 0],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= least) continue;
    throw refuse(`${subject} is ${value}`, `give a whole number from ${least}`, subject);
  }
  if (events < users)
    throw refuse(`${events} events are too few for ${users} users`, `ask for at least ${users} events`, 'events');
  const most = Math.floor(items / 2);
  if (events <= users * most) return most;
  throw refuse(
    `${events} events are too many for ${users} users and ${items} items`,
    `ask for at most ${users * most} events (half of the items per user), or for more items or users`,
    'events',
  );
}

async function writeItems({ connection }: Duck, catalogue: Catalogue, random: Random): Promise<void> {
  await connection.run(
    'CREATE TABLE raw_items(row INTEGER, category VARCHAR, tags VARCHAR, author VARCHAR, length DOUBLE)',
  );
  const writer = await ChunkWriter.open(connection, 'raw_items', [INTEGER, VARCHAR, VARCHAR, VARCHAR, DOUBLE]);
  for (let item = 0; item < catalogue.itemCount; item++) {
    const { category, tags, author, lengthSeconds } = itemFields(catalogue, item, random);
    writer.row[0] = item;
    writer.row[1] = category;
    writer.row[2] = tags.length === 0 ? null : tags.join(LIST_SEPARATOR);
    writer.row[3] = author;
    writer.row[4] = lengthSeconds;
    writer.endRow();
  }
  writer.close();
  await connection.run(`CREATE TABLE items AS SELECT format('item-{:06d}', row) AS item_id, category,
    string_split(tags, '${LIST_SEPARATOR}') AS tags, author, length FROM raw_items ORDER BY row; DROP TABLE raw_items`);
}

async function writeUsersAndEvents(
  { connection }: Duck,
  catalogue: Catalogue,
  counts: Uint32Array,
  { seed, events, onProgress }: SynthesizeOptions,
): Promise<void> {
  await connection.run(`CREATE TABLE raw_users(row INTEGER, age DOUBLE, country VARCHAR, device VARCHAR);
    CREATE TABLE raw_events(user_row INTEGER, item_row INTEGER, time_ms DOUBLE, seq DOUBLE)`);
  const userWriter = await ChunkWriter.open(connection, 'raw_users', [INTEGER, DOUBLE, VARCHAR, VARCHAR]);
  const eventWriter = await ChunkWriter.open(connection, 'raw_events', [INTEGER, INTEGER, DOUBLE, DOUBLE]);
  const population = new Population(catalogue, new Random(seed, STREAM.population));
  const userRandom = new Random(seed, STREAM.users);
  const walkRandom = new Random(seed, STREAM.walk);
  const walk = new Walk(catalogue);
  let seq = 0;
  for (let row = 0; row < counts.length; row++) {
    const user = population.makeUser(userRandom);
    userWriter.row[0] = row;
    userWriter.row[1] = user.age;
    userWriter.row[2] = user.country;
    userWriter.row[3] = user.device;
    userWriter.endRow();
    walk.walkUser(user, counts[row]!, walkRandom, (item, timeMs) => {
      eventWriter.row[0] = row;
      eventWriter.row[1] = item;
      eventWriter.row[2] = timeMs;
      eventWriter.row[3] = seq++;
      eventWriter.endRow();
    });
    if (row % 1000 === 0) {
      onProgress?.(seq, events);
      // A turn of the event loop, so that progress is drawn and signals are heard.
      await new Promise((resume) => setImmediate(resume));
    }
  }
  userWriter.close();
  eventWriter.close();
  onProgress?.(events, events);
  await connection.run(`
    CREATE TABLE users AS SELECT format('user-{:05d}', row) AS user_id, age, country, device FROM raw_users ORDER BY row;
    CREATE TABLE event_users AS SELECT format('user-{:05d}', row) AS user_id, row FROM raw_users;
    CREATE TABLE event_items AS SELECT format('item-{:06d}', item_row) AS item_id, item_row AS row
      FROM (SELECT DISTINCT item_row FROM raw_events);
    CREATE VIEW sorted AS SELECT user_row, item_row, time_ms, 1 AS weight, seq FROM raw_events`);
}
