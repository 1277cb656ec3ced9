import { MicError, type Channel } from '@mic/domain';
import type { RerankWeights } from '@mic/rerank';
import { MOST_COUNT } from './channel-settings';
import { channelNamed } from './channels/registry';
import type { RecallProfile } from './profile';

/** Values of a channel that take the place of the profile's; what is absent stays. */
export interface ChannelOverride {
  readonly enabled?: boolean;
  readonly quota?: number;
  readonly weight?: number;
  /** Never more than the profile's. */
  readonly timeoutMs?: number;
  /** K1, M1, M, or favourite categories: see RecallChannel.counts. */
  readonly triggers?: number;
  /** M2 or M3. */
  readonly perTrigger?: number;
  readonly ef?: number;
}

/** What a request may change of a profile. */
export interface RecallOverrides {
  readonly channels?: Readonly<Partial<Record<Channel, ChannelOverride>>>;
  readonly weights?: Readonly<Partial<RerankWeights>>;
}

const LARGEST_WEIGHT = 100;
/** What a search width is held against where the profile leaves it to the index. */
const USUAL_EF = 200;
/** Names of a request's values on the wire. */
const WIRE_NAME = { triggers: 'triggers', perTrigger: 'per_trigger', ef: 'ef' } as const;

/**
 * The profile with a request's values in their places.
 *
 * @throws MicError INVALID_ARGUMENT for a value beyond what the profile allows, naming it as overrides.channels[U2I].quota.
 */
export function withOverrides(profile: RecallProfile, { channels = {}, weights = {} }: RecallOverrides): RecallProfile {
  const { most } = profile.overrides;
  if (most === 0) {
    throw invalid('overrides', 'are given, and this profile allows none', 'leave them out, or name another profile');
  }
  const changed: Record<string, object> = { ...profile.channels };
  for (const [name, override] of Object.entries(channels) as [Channel, ChannelOverride][]) {
    changed[name] = withChannel(name, profile, override, most);
  }
  for (const [name, weight] of Object.entries(weights))
    within(`overrides.weights.${name}`, weight, -LARGEST_WEIGHT, LARGEST_WEIGHT);
  return {
    ...profile,
    channels: changed as unknown as RecallProfile['channels'],
    rerank: { ...profile.rerank, weights: { ...profile.rerank.weights, ...weights } },
  };
}

function withChannel(name: Channel, profile: RecallProfile, override: ChannelOverride, most: number): object {
  const before = profile.channels[name];
  const at = (field: string): string => `overrides.channels[${name}].${field}`;
  const changed: Record<string, unknown> = { ...before };
  const counted = (field: string, value: number, known: number, largest: number): number =>
    wholeWithin(at(field), value, 1, Math.min(largest, Math.floor(known * most)));
  if (override.enabled !== undefined) changed['enabled'] = override.enabled;
  if (override.quota !== undefined) changed['quota'] = counted('quota', override.quota, before.quota, MOST_COUNT);
  if (override.weight !== undefined) changed['weight'] = within(at('weight'), override.weight, 0, LARGEST_WEIGHT);
  if (override.timeoutMs !== undefined) {
    changed['timeoutMs'] = within(at('timeout_ms'), override.timeoutMs, 1, before.timeoutMs);
  }
  for (const field of ['triggers', 'perTrigger', 'ef'] as const) {
    const value = override[field];
    if (value === undefined) continue;
    const known = channelNamed(name).counts[field];
    if (known === undefined)
      throw invalid(at(WIRE_NAME[field]), `is set, and ${name} has no such number`, 'leave it out');
    const number = (before as Readonly<Record<string, unknown>>)[known.setting] as number | undefined;
    changed[known.setting] = counted(WIRE_NAME[field], value, number ?? USUAL_EF, known.most);
  }
  return changed;
}

function wholeWithin(field: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value))
    throw invalid(field, `is ${value}, a whole number is needed`, `give ${least} to ${most}`);
  return within(field, value, least, most);
}

function within(field: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw invalid(
    field,
    `is ${value}, this profile allows ${least} to ${most}`,
    'ask for less, or name a profile that allows more',
  );
}

function invalid(subject: string, message: string, remedy: string): MicError {
  return new MicError('INVALID_ARGUMENT', `${subject} ${message}`, { subject, remedy });
}
