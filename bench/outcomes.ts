import { setTimeout as sleep } from 'node:timers/promises';
import { RecallServiceClient } from '@mic/contracts';
import { DEGRADED_OUTCOMES, MicError } from '@mic/domain';
import { startSlowProxy } from '@mic/redis-process';
import { collectGarbage, collectGently, createClient, unary } from '@mic/rpc';
import { connected } from './load';
import { judgedCall } from './outcomes-call';
import { CONDITIONS, requestOf, type Condition, type World } from './outcomes-conditions';
import { outcomeFigures, type OutcomeCall, type OutcomeFigures, type Patience } from './outcomes-figures';
import type { OutcomesHome } from './outcomes-home';
import { outcomesOf } from './outcomes-judge';
import { startShape, type OwnRedis, type Shape } from './outcomes-world';
import { OwnDelay } from './own-delay';
import { atSteadyRate, inClosedLoop } from './pace';

export interface OutcomesOptions {
  readonly made: OutcomesHome;
  readonly redis: OwnRedis;
  readonly shapes: readonly Shape[];
  readonly conditions: readonly Condition[];
  readonly deadlinesMs: readonly number[];
  /** For how long after its deadline a call still waits: what came late can be told from what never came. */
  readonly graceMs: number;
  /** Of each condition, shape and deadline. */
  readonly requests: number;
  /** Callers at a time in overload. */
  readonly callers: number;
}

/** One shape under one condition with one deadline. */
export interface OutcomeRow extends OutcomeFigures {
  readonly shape: Shape;
  readonly condition: string;
  readonly deadlineMs: number;
  /** Calls a second that were begun. */
  readonly callsPerSecond: number;
}

/** A condition that cannot be in a shape. */
export interface LeftOut {
  readonly shape: Shape;
  readonly condition: string;
  readonly why: string;
}

export interface OutcomesReport {
  /** For how long after its deadline each call still waited. */
  readonly graceMs: number;
  /** Calls a second that each shape answers at most. */
  readonly saturation: Readonly<Partial<Record<Shape, number>>>;
  readonly rows: readonly OutcomeRow[];
  readonly leftOut: readonly LeftOut[];
}

/** Items wanted: what the built-in profile gives where a request does not say. */
const N = 20;
const LONGEST_MS = 120_000;
/** A bound for fast machines: half of saturation is less here. */
const MOST_CALLS_PER_SECOND = 400;
const SATURATION = { calls: 1_000, concurrency: 16, longestMs: 20_000 };
/** A caller among many waits so long after a call that failed, as errors tell callers to. */
const BACK_OFF_MS = 100;
const UNHURRIED_MS = 2_000;
const UNTIL_WELL_MS = 30_000;
/** A second's delay is logged when it is over. */
const LOG_WINDOW_MS = 1_200;

/** Provokes each condition in each shape, and judges every answer and every failure of a load meanwhile. */
export async function benchOutcomes(options: OutcomesOptions, tell: (line: string) => void): Promise<OutcomesReport> {
  collectGently();
  const rows: OutcomeRow[] = [];
  const leftOut: LeftOut[] = [];
  const saturation: Partial<Record<Shape, number>> = {};
  for (const shape of options.shapes) {
    const [possible, impossible] = [
      options.conditions.filter(({ notIn }) => notIn?.[shape] === undefined),
      options.conditions.filter(({ notIn }) => notIn?.[shape] !== undefined),
    ];
    leftOut.push(...impossible.map(({ name, notIn }) => ({ shape, condition: name, why: notIn![shape]! })));
    for (const viaProxy of [false, true]) {
      const conditions = possible.filter((condition) => condition.viaProxy === viaProxy);
      if (conditions.length === 0) continue;
      await withWorld(shape, viaProxy, options, async (world, client) => {
        saturation[shape] ??= await saturationOf(client, options);
        tell(`${shape}: ${saturation[shape].toFixed(0)} calls a second at most`);
        for (const condition of conditions) {
          for (const deadlineMs of options.deadlinesMs) {
            const row = await measure(
              world,
              client,
              condition,
              { deadlineMs, graceMs: options.graceMs },
              saturation[shape],
              options,
            );
            rows.push(row);
            tell(lineOf(row));
          }
        }
      });
    }
  }
  return { graceMs: options.graceMs, saturation, rows, leftOut };
}

async function withWorld(
  shape: Shape,
  viaProxy: boolean,
  { made, redis }: OutcomesOptions,
  work: (world: World, client: RecallServiceClient) => Promise<void>,
): Promise<void> {
  const proxy = viaProxy ? await startSlowProxy(redis.port, 0) : null;
  try {
    const store = proxy ? `redis://127.0.0.1:${proxy.port}` : redis.url;
    const running = await startShape(shape, made.home, store);
    const client = createClient(RecallServiceClient, running.target);
    try {
      await connected(client);
      await work({ running, redis, proxy }, client);
    } finally {
      client.close();
      await running.stop();
    }
  } finally {
    await proxy?.stop();
  }
}

/** Calls a second of a closed loop with time enough, after one that warms up. */
async function saturationOf(client: RecallServiceClient, { made }: OutcomesOptions): Promise<number> {
  const none = { off: [], asksStrangers: false };
  const call = async (position: number): Promise<void> => {
    await unary(client, 'recall', requestOf(none, made.userIds, position), { deadlineMs: UNHURRIED_MS });
  };
  await inClosedLoop(SATURATION, call);
  const startedAt = performance.now();
  await inClosedLoop(SATURATION, call);
  return SATURATION.calls / ((performance.now() - startedAt) / 1_000);
}

async function measure(
  world: World,
  client: RecallServiceClient,
  condition: Condition,
  patience: Patience,
  saturation: number,
  { made, requests, callers }: OutcomesOptions,
): Promise<OutcomeRow> {
  await untilWell(client, made);
  collectGarbage();
  const calls: OutcomeCall[] = [];
  const ownDelay = new OwnDelay();
  const call = async (position: number): Promise<void> => {
    const request = requestOf(condition, made.userIds, position);
    const seen = made.seen.get(request.userId) ?? NOTHING_SEEN;
    const { off, gone, asksStrangers } = condition;
    const { releaseId, itemIds } = made;
    const expected = { releaseId, itemIds, n: N, isKnown: !asksStrangers, seen, off, gone };
    const judged = await judgedCall(client, request, patience, expected);
    calls.push(condition.kind === 'overload' ? judged : { ...judged, isShed: false });
    if (condition.pace === 'callers' && judged.code !== 'OK') await sleep(BACK_OFF_MS);
  };
  await condition.begin(world, patience.deadlineMs);
  const startedAt = performance.now();
  let seconds: number;
  try {
    await (condition.pace === 'callers'
      ? inClosedLoop({ calls: requests, concurrency: callers, longestMs: LONGEST_MS }, call)
      : atSteadyRate({ calls: requests, callsPerSecond: rateOf(condition, saturation), longestMs: LONGEST_MS }, call));
    seconds = (performance.now() - startedAt) / 1_000;
  } finally {
    await condition.end(world);
  }
  await sleep(LOG_WINDOW_MS);
  ownDelay.stop();
  const delays = { own: ownDelay.delays, server: world.running.serverDelays() };
  return {
    shape: world.running.shape,
    condition: condition.name,
    deadlineMs: patience.deadlineMs,
    callsPerSecond: calls.length / seconds,
    ...outcomeFigures(calls, patience, delays),
  };
}

const rateOf = ({ pace }: Condition, saturation: number): number =>
  pace === 'twice' ? 2 * saturation : Math.min(MOST_CALLS_PER_SECOND, saturation / 2);

const NOTHING_SEEN: ReadonlySet<string> = new Set();

/** @throws MicError when a system that nothing is done to does not answer well for long. */
async function untilWell(client: RecallServiceClient, { userIds }: OutcomesHome): Promise<void> {
  const giveUpAt = performance.now() + UNTIL_WELL_MS;
  for (let position = 0, wellInARow = 0; wellInARow < ENOUGH_WELL; position++) {
    const request = requestOf(CONDITIONS[0]!, userIds, position);
    const isWell = await unary(client, 'recall', request, { deadlineMs: UNHURRIED_MS }).then(
      (response) => ![...outcomesOf(response).values()].some((outcome) => DEGRADED_OUTCOMES.has(outcome)),
      () => false,
    );
    wellInARow = isWell ? wellInARow + 1 : 0;
    if (isWell) continue;
    if (performance.now() > giveUpAt) throw new MicError('UNAVAILABLE', 'the system is not well again after 30 s');
    await sleep(100);
  }
}

const ENOUGH_WELL = 20;

function lineOf({
  shape,
  condition,
  deadlineMs,
  requests,
  failed,
  wrong,
  lateUnexplained,
  ...row
}: OutcomeRow): string {
  const times = `p50 ${row.p50Ms.toFixed(1)} ms, p99 ${row.p99Ms.toFixed(1)} ms`;
  return `${shape}, ${condition}, ${deadlineMs} ms: ${requests} requests, ${failed} failed, ${wrong} wrong, ${lateUnexplained} late, ${times}`;
}
