import { Command } from 'commander';
import {
  SAMPLE_TABLE_SCHEMA,
  importKuaiRand,
  importMovieLens100k,
  importMovieLens1m,
  importTable,
  openDataset,
  synthesize,
  type DatasetField,
  type DatasetInfo,
  type DatasetSample,
  type ImportReport,
  type SampleRow,
} from '@mic/dataset';
import { colours } from '../colours';
import { wholeNumber } from '../number-flags';
import { plainTable } from '../plain-table';
import { withProgress } from '../progress';

interface OutputOptions {
  out: string;
  force?: boolean;
  json?: boolean;
}

export function dataCommand(): Command {
  const data = new Command('data').description('make datasets and look at them').addHelpText(
    'after',
    `
Examples:
  $ mic data synth --users 2000 --items 1500 --events 60000 --seed 1 --out .mic/datasets/toy
  $ mic data import movielens-100k ~/ml-100k --out .mic/datasets/ml-100k
  $ mic data import table --schema shop.json --out .mic/datasets/shop
  $ mic data show .mic/datasets/toy`,
  );
  data
    .command('import')
    .description('make a dataset from files')
    .addCommand(importTableCommand())
    .addCommand(importMovieLens100kCommand())
    .addCommand(importMovieLens1mCommand())
    .addCommand(importKuaiRandCommand());
  data.addCommand(synthCommand()).addCommand(showCommand());
  return data;
}

function withOutput(command: Command): Command {
  return command
    .requiredOption('--out <dir>', 'dataset folder to make')
    .option('--force', 'replace the dataset that is there')
    .option('--json', 'print the report as one line of JSON');
}

function importTableCommand(): Command {
  return withOutput(new Command('table'))
    .description('import CSV, TSV, Parquet or JSON lines, gzipped too, as a schema file describes them')
    .requiredOption('--schema <file>', 'schema file (JSON, see below)')
    .option('--max-bad-rows <n>', 'bad rows allowed per table (default: 10 % of its rows)', wholeNumber(0))
    .addHelpText('after', TABLE_HELP)
    .action(
      async ({ schema, out, force, json, maxBadRows }: OutputOptions & { schema: string; maxBadRows?: number }) => {
        const report = await withProgress('import', (onProgress) =>
          importTable({ schemaFile: schema, out, force, maxBadRows, onProgress }),
        );
        printImportReport(report, json);
      },
    );
}

function importMovieLens100kCommand(): Command {
  return withOutput(new Command('movielens-100k'))
    .description('import the original files of MovieLens-100K')
    .argument('<dir>', 'folder of u.data (or u.data.gz), u.user, u.item and u.genre')
    .addHelpText(
      'after',
      `
Example:
  $ mic data import movielens-100k ~/ml-100k --out .mic/datasets/ml-100k
Every rating counts as an event; users have age, gender and occupation, films their genres and year.
The files are at https://grouplens.org/datasets/movielens/100k/ and may not be passed on.`,
    )
    .action(async (dir: string, { out, force, json }: OutputOptions) => {
      const report = await withProgress('import', (onProgress) => importMovieLens100k({ dir, out, force, onProgress }));
      printImportReport(report, json);
    });
}

function importMovieLens1mCommand(): Command {
  return withOutput(new Command('movielens-1m'))
    .description('import the files of MovieLens-1M')
    .argument('<dir>', 'folder of ratings.dat (or ratings.csv.gz with positions), users.dat and movies.dat')
    .addHelpText(
      'after',
      `
Example:
  $ mic data import movielens-1m ~/ml-1m --out .mic/datasets/ml-1m
Every rating counts as an event; users have gender, age group and occupation, films their genres and year. A table
ratings.csv.gz has the columns user_id, item_id, rating and pos, the place in the user's history.
The files are at https://grouplens.org/datasets/movielens/1m/ and may not be passed on.`,
    )
    .action(async (dir: string, { out, force, json }: OutputOptions) => {
      const report = await withProgress('import', (onProgress) => importMovieLens1m({ dir, out, force, onProgress }));
      printImportReport(report, json);
    });
}

function importKuaiRandCommand(): Command {
  return withOutput(new Command('kuairand'))
    .description('import KuaiRand-Pure: long views of short videos')
    .argument('<dir>', 'folder of user_features_pure.csv, video_features_basic_pure.csv, and positives.csv or the logs')
    .addHelpText(
      'after',
      `
Example:
  $ mic data import kuairand ~/KuaiRand-Pure/data --out .mic/datasets/kuairand
An event is a long view: a row of positives.csv (user_id, video_id, pos), or one of the logs
log_standard_4_08_to_4_21_pure.csv and log_standard_4_22_to_5_08_pure.csv with long_view 1. Files may be gzipped.
The data are at https://kuairand.com under CC BY-SA 4.0.`,
    )
    .action(async (dir: string, { out, force, json }: OutputOptions) => {
      const report = await withProgress('import', (onProgress) => importKuaiRand({ dir, out, force, onProgress }));
      printImportReport(report, json);
    });
}

function synthCommand(): Command {
  return withOutput(new Command('synth'))
    .description('make a world of users and items with latent taste, categories, popularity skew and drift')
    .requiredOption('--users <n>', 'number of users', wholeNumber(1))
    .requiredOption('--items <n>', 'number of items', wholeNumber(10))
    .requiredOption('--events <n>', 'number of events', wholeNumber(1))
    .option('--seed <s>', 'the same seed makes the same world', wholeNumber(0), 1)
    .addHelpText(
      'after',
      `
Examples:
  $ mic data synth --users 2000 --items 1500 --events 60000 --seed 1 --out .mic/datasets/toy
  $ mic data synth --users 200000 --items 50000 --events 2000000 --seed 1 --out .mic/datasets/middle
There are at least as many events as users, and at most half of the items per user. From five events per user on,
every user has five or more.`,
    )
    .action(async (options: OutputOptions & { users: number; items: number; events: number; seed: number }) => {
      const report = await withProgress('synth', (onProgress) => synthesize({ ...options, onProgress }));
      printImportReport(report, options.json);
    });
}

function showCommand(): Command {
  return new Command('show')
    .description('show what a dataset holds: counts, fields, time span, a few rows')
    .argument('<dir>', 'dataset folder')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Example:
  $ mic data show .mic/datasets/toy`,
    )
    .action(async (dir: string, options: { json?: boolean }) => {
      const dataset = await openDataset(dir);
      try {
        printDataset(dataset.info, await dataset.sample(), options.json);
      } finally {
        await dataset.close();
      }
    });
}

const TABLE_HELP = `
Example:
  $ mic data import table --schema shop.json --out .mic/datasets/shop

A schema file with every option; "users", "items" and whatever has a default may be left out:
${JSON.stringify(SAMPLE_TABLE_SCHEMA, null, 2)}

files      path, glob or a list of them, relative to the schema file; .gz is unzipped
format     csv, tsv, parquet or jsonl (default: by the extension)
delimiter  up to 4 characters (default: comma, for tsv a tab); quote: one character (default: "), "" for none
header     true: columns by name; false: columns by number from 1
encoding   utf-8 (default) or latin-1
columns    user, item, and either timestamp or position; weight (default: 1 for every event);
           rating with minRating: events with a lower rating are left out and counted
timestampUnit  s, ms, us (since 1970) or iso (2026-01-31T12:00:00Z; use it for Parquet timestamps, too)
position   whole numbers from 0 that order a user's events, where there are no times
fields     type categorical, multi (separator, default |) or numeric (buckets, default 10); text is shown to people
           and is no feature (an item's title, say); column: default the name; rows of JSON lines may lack its key,
           and whole files where others have it
category   the field whose first value is the item's category

Rows that cannot be used are left out, counted by reason and reported with their lines. Events keep their order in the
file where times are equal; a second event of the same user, item and time is left out and counted.`;

/** Prints what an importer did: a table for people, or one line of JSON. */
function printImportReport(report: ImportReport, json = false): void {
  if (json) {
    console.log(JSON.stringify(report));
    return;
  }
  console.log(`${colours.green('dataset')} ${report.dataset}`);
  console.log(`  ${report.events} events of ${report.users} users and ${report.items} items`);
  if (report.userRows + report.itemRows > 0) {
    console.log(`  fields of ${report.userRows} users and ${report.itemRows} items`);
  }
  if (report.filtered > 0) console.log(`  ${report.filtered} events left out: rating too low`);
  if (report.duplicates > 0) console.log(`  ${report.duplicates} events left out: same user, item and time as another`);
  if (report.bad.length === 0) return;
  const rows = report.bad.map(({ table, file, count, reason, lines }) => {
    return [table, file, String(count), reason, lineList(lines, count)];
  });
  console.log(plainTable(['table', 'file', 'bad rows', 'reason', 'lines'], rows));
}

/** Lines as text, five to a row. */
function lineList(lines: readonly number[], count: number): string {
  const rows: string[] = [];
  for (let at = 0; at < lines.length; at += 5) rows.push(lines.slice(at, at + 5).join(', '));
  return rows.join(',\n') + (count > lines.length ? ', ...' : '');
}

/** Prints a dataset at a glance. */
function printDataset(info: DatasetInfo, sample: DatasetSample, json = false): void {
  if (json) {
    console.log(JSON.stringify({ ...info, sample }));
    return;
  }
  const { counts } = info;
  const moment = (time: number) => (info.order === 'position' ? String(time) : new Date(time).toISOString());
  console.log(`${colours.bold(info.name)}  (${info.source})`);
  console.log(`  ${counts.events} events of ${counts.users} users and ${counts.items} items`);
  console.log(`  ${info.order} ${moment(sample.firstTimeMs)} .. ${moment(sample.lastTimeMs)}`);
  console.log(
    `  events per user: median ${sample.medianEventsPerUser}, most ${sample.mostEventsPerUser}; most per item ${sample.mostEventsPerItem}`,
  );
  console.log(`  user fields (${counts.userRows} rows): ${fieldList(info.userFields)}`);
  console.log(`  item fields (${counts.itemRows} rows): ${fieldList(info.itemFields)}`);
  console.log(`  category: ${info.categoryField ?? 'none'}`);
  for (const name of ['events', 'users', 'items'] as const) {
    if (sample[name].length > 0) console.log(`\n${name}\n${rowTable(sample[name])}`);
  }
}

function fieldList(fields: readonly DatasetField[]): string {
  return fields.map(({ name, type }) => `${name} (${type})`).join(', ') || 'none';
}

function rowTable(rows: readonly SampleRow[]): string {
  const columns = Object.keys(rows[0]!);
  return plainTable(
    columns,
    rows.map((row) => columns.map((column) => cell(row[column]))),
  );
}

function cell(value: SampleRow[string] | undefined): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? value.join(', ') : String(value);
}
