import { Channel as WireChannel, RecallRequest } from '@mic/contracts';
import { CHANNELS, type Channel } from '@mic/domain';
import type { SlowProxy } from '@mic/redis-process';
import type { ServiceName } from './installation';
import type { OwnRedis, Running, Shape } from './outcomes-world';

export const CONDITION_KINDS = [
  'well',
  'ended',
  'frozen',
  'slow-store',
  'overload',
  'no-history',
  'channel-off',
] as const;
export type ConditionKind = (typeof CONDITION_KINDS)[number];

/** What a condition can lay hands on. */
export interface World {
  readonly running: Running;
  readonly redis: OwnRedis;
  /** Between the services and Redis, where the condition wants it there. */
  readonly proxy: SlowProxy | null;
}

/** One row of outcomes, as it is provoked. */
export interface Condition {
  readonly name: string;
  readonly kind: ConditionKind;
  /** Why it cannot be in a shape. */
  readonly notIn?: Partial<Readonly<Record<Shape, string>>>;
  /** Channels that cannot answer meanwhile. */
  readonly gone: readonly Channel[];
  /** Channels that every request switches off. */
  readonly off: readonly Channel[];
  /** Whether users are asked for that neither release nor store knows. */
  readonly asksStrangers: boolean;
  /** How often is called: at half of saturation, at twice as much, or by many callers at a time, each as soon as it has an answer. */
  readonly pace: 'half' | 'twice' | 'callers';
  /** Whether Redis is reached by the proxy. */
  readonly viaProxy: boolean;
  begin(world: World, deadlineMs: number): Promise<void>;
  end(world: World): Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();
const WELL: Omit<Condition, 'name' | 'kind'> = {
  gone: [],
  off: [],
  asksStrangers: false,
  pace: 'half',
  viaProxy: false,
  begin: nothing,
  end: nothing,
};
const MODEL_CHANNELS: readonly Channel[] = ['U2I', 'U2U2I', 'U2I2I'];
/** What cannot answer without each of the inner services. */
const GONE_WITHOUT: readonly (readonly [ServiceName, readonly Channel[]])[] = [
  ['user-embedder', ['U2I']],
  ['ann-service', ['U2I']],
  ['neighbor-store', MODEL_CHANNELS],
];
const notInOne = (what: string) => ({
  one: `it has no ${what} of its own: a process that ends, or is frozen, takes all along`,
});

const ended = ([name, gone]: (typeof GONE_WITHOUT)[number]): Condition => ({
  ...WELL,
  name: `${name} ended`,
  kind: 'ended',
  notIn: notInOne(name),
  gone,
  begin: ({ running }) => {
    running.kill(name);
    return Promise.resolve();
  },
  end: ({ running }) => running.restart(name),
});

const frozen = ([name, gone]: (typeof GONE_WITHOUT)[number]): Condition => ({
  ...WELL,
  name: `${name} frozen`,
  kind: 'frozen',
  notIn: notInOne(name),
  gone,
  begin: ({ running }) => {
    running.freeze(name);
    return Promise.resolve();
  },
  end: ({ running }) => {
    running.thaw(name);
    return Promise.resolve();
  },
});

const channelOff = (channel: Channel): Condition => ({
  ...WELL,
  name: `${channel} off`,
  kind: 'channel-off',
  off: [channel],
});

/** All of them, in the order in which they are measured. */
export const CONDITIONS: readonly Condition[] = [
  { ...WELL, name: 'well', kind: 'well' },
  ...GONE_WITHOUT.map(ended),
  {
    ...WELL,
    name: 'Redis ended',
    kind: 'ended',
    gone: MODEL_CHANNELS,
    begin: ({ redis }) => redis.end(),
    end: ({ redis }) => redis.comeBack(),
  },
  ...GONE_WITHOUT.map(frozen),
  {
    ...WELL,
    name: 'Redis frozen',
    kind: 'frozen',
    gone: MODEL_CHANNELS,
    begin: ({ redis }) => {
      redis.freeze();
      return Promise.resolve();
    },
    end: ({ redis }) => {
      redis.thaw();
      return Promise.resolve();
    },
  },
  {
    ...WELL,
    name: 'slow Redis',
    kind: 'slow-store',
    gone: MODEL_CHANNELS,
    viaProxy: true,
    // Each way: an answer takes twice the deadline.
    begin: ({ proxy }, deadlineMs) => {
      proxy!.delayMs = deadlineMs;
      return Promise.resolve();
    },
    end: ({ proxy }) => {
      proxy!.delayMs = 0;
      return Promise.resolve();
    },
  },
  { ...WELL, name: 'overload: twice saturation', kind: 'overload', pace: 'twice' },
  { ...WELL, name: 'overload: many callers', kind: 'overload', pace: 'callers' },
  { ...WELL, name: 'no history', kind: 'no-history', asksStrangers: true },
  ...CHANNELS.map(channelOff),
];

/** What a caller may know of a stranger; every other one says it. */
const FIELDS = { age: { number: 30 } };

/** The request of a condition at a position among its calls. */
export function requestOf(
  { off, asksStrangers }: Pick<Condition, 'off' | 'asksStrangers'>,
  userIds: readonly string[],
  position: number,
): RecallRequest {
  const userId = asksStrangers ? `stranger-${position}` : userIds[position % userIds.length]!;
  const channels = off.map((channel) => ({ channel: WireChannel[`CHANNEL_${channel}`], enabled: false }));
  return RecallRequest.fromPartial({
    userId,
    ...(asksStrangers && position % 2 === 1 && { userFields: FIELDS }),
    ...(off.length > 0 && { overrides: { channels } }),
  });
}
