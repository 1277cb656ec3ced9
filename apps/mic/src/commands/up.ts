import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { MicError } from '@mic/domain';
import { loadProfiles } from '@mic/recall-api';
import { LOG_LEVELS, stopOnSignals, type LogLevel } from '@mic/rpc';
import { errorColours } from '../colours';
import { checkPublished } from '../check-published';
import { environmentConfig } from '../config';
import { DECISION_LOG_OPTION, DECISION_SAMPLE_OPTION, decisionsOf } from '../decision-log-option';
import { eventLogOf, EVENT_LOG_OPTION, NO_EVENT_LOG_OPTION } from '../event-log-option';
import { startFleet, startOne, type Fleet } from '../fleet/fleet';
import { SERVICES, type ServiceName } from '../fleet/service-process';
import { DEFAULT_HOME, homeAt, storeOf } from '../home';
import { wholeNumber } from '../number-flags';
import { plainTable } from '../plain-table';
import {
  HISTORY_CAP_OPTION,
  HISTORY_TTL_OPTION,
  limitsOf,
  LIVE_ITEMS_CAP_OPTION,
  type StoreLimits,
} from '../store-limits';
import { STORE_OPTION } from '../store-option';

interface UpFlags extends StoreLimits {
  home: string;
  store?: string;
  json?: boolean;
  only?: ServiceName;
  profiles?: string;
  address: string;
  logLevel: LogLevel;
  drainTimeoutMs: number;
  readyTimeoutMs: number;
  eventLog?: string | boolean;
  decisionLog?: string;
  decisionSample: number;
}

export function upCommand(): Command {
  return new Command('up')
    .description('start the four services on this machine and stay until a signal comes')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .addOption(STORE_OPTION())
    .addOption(HISTORY_CAP_OPTION())
    .addOption(HISTORY_TTL_OPTION())
    .addOption(LIVE_ITEMS_CAP_OPTION())
    .addOption(EVENT_LOG_OPTION())
    .addOption(NO_EVENT_LOG_OPTION())
    .addOption(DECISION_LOG_OPTION())
    .addOption(DECISION_SAMPLE_OPTION())
    .option('--json', 'print nothing but the one line of JSON')
    .addOption(new Option('--only <service>', 'start this one again, where it was before').choices(SERVICES))
    .option('--profiles <file>', 'JSON file of recall profiles; without it the built-in one')
    .option('--address <host:port>', 'address of the recall-gateway; port 0 takes a free one', '127.0.0.1:0')
    .addOption(
      new Option('--log-level <level>', 'how much the services log (MIC_LOG_LEVEL)')
        .choices(LOG_LEVELS)
        .default(environmentConfig().logLevel),
    )
    .option('--drain-timeout-ms <ms>', 'time that calls in flight get on SIGTERM', wholeNumber(0, 600_000), 10_000)
    .option('--ready-timeout-ms <ms>', 'time until all services must be ready', wholeNumber(1, 3_600_000), 120_000)
    .addHelpText(
      'after',
      `
Examples:
  $ mic up --home .mic
  $ mic up --home .mic --store redis://127.0.0.1:6379
  $ mic up --home .mic --only ann-service        # after it ended: the others find it again
When all are ready it prints one line of JSON, which is in HOME/up.json as well:
  {"services": {"user-embedder": {"pid": 1, "address": "127.0.0.1:40001"}, "ann-service": ..., ...}}
Variables MIC_* of the environment are not passed on: the services get what the flags say.
A service that ends is not started again. SIGTERM or Ctrl-C ends all in order: the gateway first, each after its drain.
Ask it with: mic recall --home .mic --user USER_ID`,
    )
    .action(async (flags: UpFlags, command: Command) => {
      if (flags.only) refuseOthers(command);
      const fleet = await start(flags);
      let stopping = false;
      stopOnSignals(() => {
        stopping = true;
        return fleet.stop();
      });
      console.log(JSON.stringify(fleet.up));
      if (!flags.json) {
        const rows = fleet.services.map(({ name, pid, address }) => [name, String(pid), address]);
        console.error(
          `${plainTable(['service', 'pid', 'address'], rows)}\nCtrl-C ends ${flags.only ?? 'all of them'}.`,
        );
      }
      for (const { name, ended } of fleet.services) {
        void ended.then((how) => {
          if (stopping) return;
          console.error(
            `${errorColours.yellow(name)} ended ${how}; start it again with: mic up --only ${name} --home ${flags.home}`,
          );
        });
      }
      // The services keep this process: without them there is nothing to stay for but the signal.
      setInterval(() => undefined, 2 ** 30);
    });
}

/** What `--only` may stand beside: the rest is as it was when all were started. */
const BESIDE_ONLY = ['only', 'home', 'json', 'logLevel', 'drainTimeoutMs', 'readyTimeoutMs'];

function refuseOthers(command: Command): void {
  const other = command.options.find((option) => {
    const name = option.attributeName();
    return !BESIDE_ONLY.includes(name) && command.getOptionValueSource(name) === 'cli';
  });
  if (!other) return;
  throw new MicError('INVALID_ARGUMENT', `--only starts a service as it was, and ${other.long} would be ignored`, {
    subject: other.long,
    remedy: 'leave it out, or end all services and start them again with it',
  });
}

async function start(flags: UpFlags): Promise<Fleet> {
  const home = homeAt(flags.home);
  const { logLevel, drainTimeoutMs, readyTimeoutMs } = flags;
  if (flags.only) return startOne(flags.only, { home, logLevel, drainTimeoutMs, readyTimeoutMs });
  const store = storeOf(home, flags.store);
  // What is wrong with the release or a file is said here once, and not by four services.
  await checkPublished(home, store);
  await loadProfiles(flags.profiles);
  const profiles = flags.profiles === undefined ? null : resolve(flags.profiles);
  return startFleet({
    home,
    store,
    profiles,
    limits: limitsOf(flags),
    eventLog: eventLogOf(home, flags.eventLog),
    decisions: decisionsOf(flags),
    logLevel,
    drainTimeoutMs,
    readyTimeoutMs,
    gatewayAddress: flags.address,
  });
}
