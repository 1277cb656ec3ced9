import { Command, Option } from 'commander';
import { MicError } from '@mic/domain';
import { WatchedProfiles } from '@mic/recall-api';
import { createLogger, LOG_LEVELS, stopOnSignals, type LogLevel } from '@mic/rpc';
import { DEFAULT_ADDRESS } from '../address';
import { startAllInOne } from '../all-in-one';
import { environmentConfig } from '../config';
import { DECISION_LOG_OPTION, DECISION_SAMPLE_OPTION, decisionsOf } from '../decision-log-option';
import { eventLogOf, EVENT_LOG_OPTION, NO_EVENT_LOG_OPTION } from '../event-log-option';
import { DEFAULT_HOME, homeAt, storeOf } from '../home';
import { wholeNumber } from '../number-flags';
import {
  HISTORY_CAP_OPTION,
  HISTORY_TTL_OPTION,
  limitsOf,
  LIVE_ITEMS_CAP_OPTION,
  type StoreLimits,
} from '../store-limits';
import { STORE_OPTION } from '../store-option';

interface ServeFlags extends StoreLimits {
  allInOne?: boolean;
  home: string;
  store?: string;
  address: string;
  profiles?: string;
  logLevel: LogLevel;
  drainTimeoutMs: number;
  eventLog?: string | boolean;
  decisionLog?: string;
  decisionSample: number;
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('answer Recall and AppendEvents over gRPC in one process (the four services: mic up)')
    .option('--all-in-one', 'all services in this one process')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .addOption(STORE_OPTION())
    .addOption(HISTORY_CAP_OPTION())
    .addOption(HISTORY_TTL_OPTION())
    .addOption(LIVE_ITEMS_CAP_OPTION())
    .addOption(EVENT_LOG_OPTION())
    .addOption(NO_EVENT_LOG_OPTION())
    .addOption(DECISION_LOG_OPTION())
    .addOption(DECISION_SAMPLE_OPTION())
    .option('--address <host:port>', 'address to listen on; port 0 takes a free one', DEFAULT_ADDRESS)
    .option('--profiles <file>', 'JSON file of recall profiles; without it the built-in one')
    .addOption(
      new Option('--log-level <level>', 'how much to log (MIC_LOG_LEVEL)')
        .choices(LOG_LEVELS)
        .default(environmentConfig().logLevel),
    )
    .option('--drain-timeout-ms <ms>', 'time that calls in flight get on SIGTERM', wholeNumber(0, 600_000), 10_000)
    .addHelpText(
      'after',
      `
Examples:
  $ mic serve --all-in-one --home .mic
  $ mic serve --all-in-one --home .mic --address 0.0.0.0:7070 --profiles profiles.json
A profile file names parameter sets; what one leaves out has its default. It is read again when it changes:
  {"default": "a", "profiles": {
    "a": {},
    "b": {"channels": {"U2U2I": {"enabled": false}, "U2I": {"k": 300, "timeoutMs": 30}},
          "rerank": {"weights": {"basic": 1, "repetition": 0.5, "diversity": 0.2}}}},
   "split": {"salt": "march", "shares": {"a": 90, "b": 10}}}
Ask it with: mic recall --user USER_ID`,
    )
    .action(async (flags: ServeFlags) => {
      if (!flags.allInOne) {
        throw new MicError('INVALID_ARGUMENT', 'mic serve needs to know what to serve', { remedy: 'add --all-in-one' });
      }
      const home = homeAt(flags.home);
      const logger = createLogger({ level: flags.logLevel, service: 'mic' });
      const profiles = await WatchedProfiles.open(flags.profiles, logger);
      const running = await startAllInOne({
        home,
        store: storeOf(home, flags.store),
        address: flags.address,
        profiles: () => profiles.current,
        logger,
        drainTimeoutMs: flags.drainTimeoutMs,
        limits: limitsOf(flags),
        eventLog: eventLogOf(home, flags.eventLog),
        decisions: decisionsOf(flags),
      });
      stopOnSignals(() => running.stop());
      console.log(JSON.stringify({ address: running.address, releaseId: running.releaseId, pid: process.pid }));
    });
}
