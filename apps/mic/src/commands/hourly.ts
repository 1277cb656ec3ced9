import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { parseBuildConfig } from '@mic/release-build';
import { ENCODER_NAMES, type EncoderName } from '@mic/training';
import { EVENT_LOG_OPTION, eventLogOf, NO_EVENT_LOG_OPTION } from '../event-log-option';
import { DEFAULT_HOME, homeAt, storeOf } from '../home';
import { readHourlyState, type HourlySummary } from '../hourly/hourly-state';
import { HOURLY_STATUS, printSummary } from '../hourly/print-summary';
import { runHourly } from '../hourly/run-hourly';
import { wholeNumber } from '../number-flags';
import { readSettings } from '../read-settings';
import { HISTORY_CAP_OPTION, HISTORY_TTL_OPTION, limitsOf, type StoreLimits } from '../store-limits';
import { STORE_OPTION } from '../store-option';

interface HourlyFlags extends StoreLimits {
  home: string;
  data?: string;
  store?: string;
  eventLog?: string | boolean;
  schema?: string;
  encoder?: EncoderName;
  set: string[];
  maxSteps?: number;
  buildConfig?: string;
  buildSet: string[];
  seed: number;
  windowDays?: number;
  keep: number;
  cold?: boolean;
  force?: boolean;
  keepLog?: boolean;
  status?: boolean;
  json?: string | true;
}

const DAY_MS = 86_400_000;
const collect = (value: string, all: string[]): string[] => [...all, value];

export function hourlyCommand(): Command {
  return new Command('hourly')
    .description('one pass from new events to a published release: for a cron job')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .option('--data <dir>', 'dataset that the first run begins with; later runs go on from their own')
    .addOption(STORE_OPTION())
    .addOption(HISTORY_CAP_OPTION())
    .addOption(HISTORY_TTL_OPTION())
    .addOption(EVENT_LOG_OPTION())
    .addOption(NO_EVENT_LOG_OPTION())
    .option(
      '--schema <file>',
      'schema file of tables (mic data import table --help): files of it that are new or changed are taken',
    )
    .addOption(
      new Option('--encoder <name>', "encoder (default: the last model's, else pooled)").choices(ENCODER_NAMES),
    )
    .option('--set <name=value>', 'one knob of training (repeatable)', collect, [])
    .option('--max-steps <n>', 'stop training after so many steps', wholeNumber(1))
    .option('--build-config <file>', 'JSON file of knobs of the build, its gate among them')
    .option('--build-set <name=value>', 'one knob of the build (repeatable)', collect, [])
    .option('--seed <n>', 'seed of training', wholeNumber(0, 0x7fffffff), 1)
    .option('--window-days <n>', 'leave out events that are so much older than the newest one', wholeNumber(1, 36_500))
    .option('--keep <n>', 'releases that stay in the store', wholeNumber(2), 3)
    .option('--cold', 'train from nothing instead of the last model')
    .option('--force', 'run although nothing is new')
    .option('--keep-log', 'leave the segments of the event log that were taken where they are')
    .option('--status', 'tell how the last run ended, and whether one is under way')
    .option('--json [file]', 'write the summary (or the status) to a file, or print it as one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mic hourly --home .mic --data .mic/datasets/mine                   # the first run: trains from nothing
  $ mic hourly --home .mic                                             # each later one: AppendEvents of the last hour
  $ mic hourly --home .mic --schema incoming/schema.json --window-days 90
  7 * * * *  mic hourly --home /srv/mic --json /srv/mic/last-run.json  # a line of a crontab
What is new: the event log that the services write (HOME/events), and files of a schema. A run that was killed is gone on with
by the next one; one that failed for a file or a flag, before it was trained, is begun anew. Events of files go into the histories: give the cap and the time to live that the services have. Segments are removed when their events are in the dataset (HOME/datasets).
Exit status: 0 published, or nothing new; 1 failed; 2 bad arguments; 3 built, and its gate refused it; 4 another run is at work.`,
    )
    .action(async (flags: HourlyFlags) => {
      const home = homeAt(flags.home);
      if (flags.status) {
        const state = await readHourlyState(home);
        const status = { last: state?.last ?? null, underWay: state?.run?.id ?? null };
        await tell(flags.json, status, printStatus(status));
        return;
      }
      const maxSteps = flags.maxSteps === undefined ? [] : [`loop.maxSteps=${flags.maxSteps}`];
      const summary = await runHourly({
        home,
        store: storeOf(home, flags.store),
        limits: limitsOf(flags),
        data: flags.data === undefined ? null : resolve(flags.data),
        sources: {
          eventLog: eventLogOf(home, flags.eventLog),
          schemaFile: flags.schema === undefined ? null : resolve(flags.schema),
        },
        trainSettings: [...flags.set, ...maxSteps],
        encoder: flags.encoder,
        seed: flags.seed,
        buildConfig: parseBuildConfig(await readSettings(flags.buildConfig, 'mic build --help'), flags.buildSet),
        windowMs: flags.windowDays === undefined ? undefined : flags.windowDays * DAY_MS,
        keep: flags.keep,
        cold: flags.cold ?? false,
        force: flags.force ?? false,
        keepLog: flags.keepLog ?? false,
      });
      await tell(flags.json, summary, printSummary(summary));
      process.exitCode = HOURLY_STATUS[summary.outcome];
    });
}

/** Prints a text, or what it says as JSON; JSON for a file goes there, with the text printed. */
async function tell(json: string | true | undefined, value: object, text: string): Promise<void> {
  const line = JSON.stringify(value);
  if (typeof json === 'string') await writeFile(json, `${line}\n`);
  console.log(json === true ? line : text);
}

interface Status {
  readonly last: HourlySummary | null;
  readonly underWay: string | null;
}

function printStatus({ last, underWay }: Status): string {
  const lines = [last ? printSummary(last) : 'this home has had no hourly run'];
  if (underWay !== null) lines.push(`run ${underWay} is not finished: the next one goes on with it`);
  return lines.join('\n');
}
