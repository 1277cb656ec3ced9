import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { EventLog } from '@mic/event-log';
import { colours } from '../colours';
import { exportEvents } from '../export-events';
import { DEFAULT_HOME, homeAt } from '../home';
import { moment } from '../number-flags';
import { plainTable } from '../plain-table';

interface LogFlags {
  log?: string;
  home: string;
  json?: boolean;
}

const SCHEMA = {
  name: 'live',
  events: {
    files: 'live.parquet',
    columns: { user: 'user_id', item: 'item_id', timestamp: 'time_ms', weight: 'weight' },
    timestampUnit: 'ms',
  },
};

export function eventsCommand(): Command {
  return new Command('events')
    .description('the log of all events that AppendEvents and AppendEventStream took')
    .addCommand(listCommand())
    .addCommand(exportCommand());
}

function withLog(command: Command): Command {
  return command
    .option('--log <dir>', 'folder of the log (MIC_EVENT_LOG of the services); without it HOME/events')
    .option('--home <dir>', 'home of the installation', DEFAULT_HOME)
    .option('--json', 'print one line of JSON');
}

const logOf = ({ log, home }: LogFlags): EventLog =>
  new EventLog(log === undefined ? homeAt(home).events : resolve(log));

function listCommand(): Command {
  return withLog(new Command('list'))
    .description('list the segments of the log')
    .addHelpText(
      'after',
      `
Example:
  $ mic events list --home .mic
A segment is open while a service adds to it, for 10 minutes or 64 MiB at most.`,
    )
    .action(async (flags: LogFlags) => {
      const segments = await logOf(flags).segments();
      if (flags.json) {
        console.log(JSON.stringify(segments));
        return;
      }
      const moments = (ms: number): string => new Date(ms).toISOString();
      const rows = segments.map(({ name, isOpen, bytes, begunMs, writtenMs }) => [
        name,
        isOpen ? 'open' : 'closed',
        String(bytes),
        moments(begunMs),
        moments(writtenMs),
      ]);
      console.log(plainTable(['segment', 'state', 'bytes', 'begun', 'last written'], rows));
    });
}

function exportCommand(): Command {
  return withLog(new Command('export'))
    .description('write the events of the log as one table')
    .requiredOption('--out <file>', 'file to write: .parquet, .jsonl or .csv')
    .addOption(new Option('--from <time>', 'events of that time and later').argParser(moment))
    .addOption(new Option('--to <time>', 'events before that time').argParser(moment))
    .addHelpText(
      'after',
      `
Examples:
  $ mic events export --home .mic --out live.parquet
  $ mic events export --log /srv/events --out day.csv --from 2026-01-31T00:00:00Z --to 2026-02-01T00:00:00Z
Columns: user_id, item_id, time_ms, weight, accepted_ms (when the service took it). Segments stay; open ones are read up to
their last whole line. An event that was sent again is there again: the import leaves it out.

To train on it, write a schema file, live.json:
${JSON.stringify(SCHEMA, null, 2)}
  $ mic data import table --schema live.json --out .mic/datasets/live
Closed segments can be imported as they are, too: "files": ".mic/events/*.jsonl".`,
    )
    .action(async (flags: LogFlags & { out: string; from?: number; to?: number }) => {
      const out = resolve(flags.out);
      const report = await exportEvents(logOf(flags), out, { fromMs: flags.from, toMs: flags.to });
      if (flags.json) console.log(JSON.stringify(report));
      else {
        const others = report.leftOut > 0 ? `, ${report.leftOut} of other times left out` : '';
        console.log(`${colours.green(flags.out)}: ${report.events} events of ${report.segments} segments${others}`);
      }
      if (report.unreadable.length === 0) return;
      const [first] = report.unreadable;
      console.error(
        `${report.unreadable.length} lines are no events (the first: line ${first!.line} of ${first!.segment}). After a crash ` +
          'that is what was written and not answered, at the end of a segment; elsewhere the file is damaged.',
      );
    });
}
