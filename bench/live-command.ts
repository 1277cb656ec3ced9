import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { Command } from 'commander';
import { mic } from './installation';
import { benchLive, type LiveReport, type Replica } from './live';
import type { ArrivalFigures } from './live-figures';
import { makeReleases } from './swap-home';
import { userIdsOf } from './user-ids';

interface LiveFlags {
  home?: string;
  store?: string;
  items: number;
  intervalMs: number;
  seed: number;
  catalogue: number;
  deadlineMs: number;
  saturationCalls: number;
  users: string;
  json?: string | true;
}

/** Share that must count within a second. */
const LEAST_WITHIN_A_SECOND = 0.99;

export function liveCommand(): Command {
  return new Command('live')
    .description(
      'a steady load at half of saturation, while a gateway is told of new items and events: when they count, there and on another gateway',
    )
    .option('--home <dir>', 'home with a published release and its history; without it one is made (minutes)')
    .option('--store <address>', 'store of the services; without it HOME/store')
    .option('--items <n>', 'new items, and as many events', Number, 200)
    .option('--interval-ms <ms>', 'mean pause before each', Number, 250)
    .option('--seed <n>', 'of pauses, users and fields', Number, 1)
    .option('--catalogue <n>', 'items of the release that is made', Number, 50_000)
    .option('--deadline-ms <ms>', 'deadline of each call of the load', Number, 500)
    .option('--saturation-calls <n>', 'calls by which saturation is found', Number, 6_000)
    .option('--users <range>', 'users to ask for, as PREFIX:DIGITS:COUNT', 'user-:5:500')
    .option('--json [file]', 'print one line of JSON, or write it to a file')
    .action(async ({ home: given, json, users, catalogue, store, ...options }: LiveFlags) => {
      const home = given ?? (await mkdtemp(join(tmpdir(), 'mic-bench-')));
      const tell = (line: string): void => {
        console.error(line);
      };
      try {
        if (given === undefined) {
          const [releaseId] = await makeReleases(home, store, catalogue, tell, [1]);
          await mic('publish', '--home', home, '--release', releaseId!, ...(store ? ['--store', store] : []));
        }
        const report = await benchLive({ ...options, home, store, userIds: userIdsOf(users) }, tell);
        console.log(json === true ? JSON.stringify(report) : liveTable(report));
        if (typeof json === 'string') await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
        if (!isSoonEnough(report)) process.exitCode = 1;
      } finally {
        if (given === undefined) await rm(home, { recursive: true, force: true });
      }
    });
}

/** Items by the time from the call's start: its own time is part of the wait. */
function isSoonEnough({ items, events }: LiveReport): boolean {
  const all = [items.told.fromStart, items.other.fromStart, events.told, events.other];
  return all.every(({ withinASecond }) => withinASecond >= LEAST_WITHIN_A_SECOND);
}

const ON: Readonly<Record<Replica, string>> = { told: 'the gateway that was called', other: 'the other gateway' };

function liveTable({ saturationCallsPerSecond, load, items, events }: LiveReport): string {
  const head = ['what', 'counts on', 'times', 'within 1 s', 'p50 ms', 'p99 ms', 'max ms', 'never'];
  const table = new Table({ head, style: { head: [], border: [] } });
  const row = (what: string, replica: Replica, of: ArrivalFigures): void => {
    const share = `${(100 * of.withinASecond).toFixed(1)} %`;
    const times = [of.p50Ms, of.p99Ms, of.maxMs].map((ms) => ms.toFixed(1));
    table.push([what, ON[replica], of.count, share, ...times, of.never]);
  };
  for (const replica of ['told', 'other'] as const) {
    row('new item, from the start of the call', replica, items[replica].fromStart);
    row('new item, from its answer', replica, items[replica].fromAnswer);
    row('event, from the answer of the call', replica, events[replica]);
  }
  const { calls, failed, degraded, p50Ms, p99Ms, maxMs, troubles } = load;
  return [
    table.toString(),
    `meanwhile, at half of ${saturationCallsPerSecond.toFixed(0)} calls a second: ${calls} recalls, ${failed} failed, ${degraded} degraded; p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, max ${maxMs.toFixed(1)} ms`,
    ...troubles,
  ].join('\n');
}
