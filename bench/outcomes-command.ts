import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { Command, Option } from 'commander';
import { benchOutcomes, type OutcomeRow, type OutcomesReport } from './outcomes';
import { CONDITION_KINDS, CONDITIONS, type ConditionKind } from './outcomes-conditions';
import type { Counts } from './outcomes-figures';
import { makeOutcomesHome } from './outcomes-home';
import { OwnRedis, type Shape } from './outcomes-world';

interface OutcomesFlags {
  requests: number;
  callers: number;
  only?: ConditionKind[];
  shape?: Shape;
  deadlineMs: string[];
  graceMs: number;
  json?: string;
}

export function outcomesCommand(): Command {
  return new Command('outcomes')
    .description(
      'everything that can go wrong with a channel, provoked in one process and in four services: what callers get, and when',
    )
    .option('--requests <n>', 'requests of each condition, shape and deadline', Number, 10_000)
    .option('--callers <n>', 'callers at a time in overload', Number, 64)
    .addOption(new Option('--only <condition...>', 'conditions to provoke').choices(CONDITION_KINDS))
    .addOption(new Option('--shape <shape>', 'one process or four services; both by default').choices(['one', 'four']))
    .option('--deadline-ms <ms...>', 'deadlines of the requests', ['20', '50', '200'])
    .option('--grace-ms <ms>', 'for how long after its deadline a call still waits', Number, 100)
    .option('--json <file>', 'write the report to a file as well')
    .action(async ({ only, shape, deadlineMs, json, ...numbers }: OutcomesFlags) => {
      const home = await mkdtemp(join(tmpdir(), 'mic-outcomes-'));
      const redis = await OwnRedis.start();
      try {
        console.error('making a world, a model and a release');
        const report = await benchOutcomes(
          {
            ...numbers,
            redis,
            made: await makeOutcomesHome(home, redis.url),
            shapes: shape ? [shape] : ['one', 'four'],
            conditions: CONDITIONS.filter(({ kind }) => only === undefined || only.includes(kind)),
            deadlinesMs: deadlineMs.map(Number),
          },
          (line) => {
            console.error(line);
          },
        );
        if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
        console.log(outcomesText(report));
        if (report.rows.some(isBad)) process.exitCode = 1;
      } finally {
        await redis.remove();
        await rm(home, { recursive: true, force: true });
      }
    });
}

const isBad = ({ wrong, lateUnexplained, unexplained }: OutcomeRow): boolean =>
  wrong + lateUnexplained + unexplained > 0;

const SHAPES: Readonly<Record<Shape, string>> = { one: 'one process', four: 'four services' };

function outcomesText({ graceMs, saturation, rows, leftOut }: OutcomesReport): string {
  const head = [
    'shape',
    'condition',
    'deadline',
    'requests',
    'a second',
    'failed',
    'not partial',
    'unexplained',
    'in grace',
    'after 8 ms',
  ];
  const times = ['wrong', 'late', 'p50', 'p99', 'max', 'own / server delay', 'outcomes'];
  const table = new Table({ head: [...head, ...times], style: { head: [], border: [] } });
  for (const row of rows) {
    table.push([
      row.shape,
      row.condition,
      row.deadlineMs,
      row.requests,
      row.callsPerSecond.toFixed(0),
      row.failed,
      row.couldBePartial,
      row.unexplained,
      row.inGrace,
      row.afterUsualGrace,
      row.wrong,
      row.lateUnexplained,
      ...[row.p50Ms, row.p99Ms, row.maxMs].map((ms) => ms.toFixed(1)),
      `${row.ownDelayMs.toFixed(0)} / ${row.serverDelayMs.toFixed(0)}`,
      shortOutcomes(row),
    ]);
  }
  const most = Object.entries(saturation).map(([shape, rate]) => `${SHAPES[shape as Shape]} ${rate.toFixed(0)}`);
  return [
    table.toString(),
    'failed: ended with an error. not partial: of those, all but what was refused before it was begun and what ran out of time while this process was held up.',
    `unexplained: of those, what the recorded event-loop delays do not explain. in grace: answered after the deadline, for which callers wait ${graceMs} ms more. after 8 ms: of those, what callers do not wait for by default. late: ended later than 10 ms after the deadline, beyond that delay.`,
    `calls a second at most: ${most.join(', ')}`,
    ...rows.filter(isTroubled).map(troublesOf),
    ...leftOut.map(({ shape, condition, why }) => `${SHAPES[shape]}: "${condition}" cannot be, ${why}`),
  ].join('\n');
}

/** e.g. `U2I OK 290 LATE 10; U2U2I OK 300`. */
const shortOutcomes = ({ outcomes }: OutcomeRow): string =>
  Object.entries(outcomes)
    .map(([channel, counts]) => `${channel} ${listed(counts)}`)
    .join('; ');

const isTroubled = ({ failed, wrong, late }: OutcomeRow): boolean => failed + wrong + late > 0;

function troublesOf({ shape, condition, deadlineMs, ...row }: OutcomeRow): string {
  const parts = [
    ...(row.failed > 0 ? [`failed: ${listed(row.codes)}, ${row.shed} shed, ${row.callerHeldUp} held up here`] : []),
    ...Object.entries(row.messages).map(([message, times]) => `${times} x ${message}`),
    ...(row.wrong > 0 ? [`wrong: ${listed(row.violations)}`] : []),
    ...(row.late > 0
      ? [`late: ${row.late}, ${row.lateUnexplained} unexplained, worst excess ${row.worstExcessMs.toFixed(1)} ms`]
      : []),
  ];
  return `${SHAPES[shape]}, ${condition}, ${deadlineMs} ms: ${parts.join('; ')}`;
}

const listed = (counts: Counts): string =>
  Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, times]) => `${name} ${times}`)
    .join(' ');
