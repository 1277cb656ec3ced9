import type { FeatureSchema } from '@mic/features';
import { RecallEngine, type RecallPorts } from '../engine';
import { NO_LIVE_ITEMS, type LiveItems } from '../items';
import type { LateBreakers } from '../late-breaker';
import type { ItemCatalog } from '../ports';
import type { RecallRequest, RecallResult } from '../recall-types';
import { tinyCatalog, tinyPorts, tinyProfiles } from './tiny-world';

/** What of the tiny world is another for one request. */
export interface Setup {
  readonly liveItems?: LiveItems;
  readonly ports?: Partial<RecallPorts>;
  readonly catalog?: Partial<ItemCatalog>;
  readonly store?: Partial<RecallPorts['store']>;
  readonly userIndex?: Partial<RecallPorts['userIndex']>;
  /** See tinyProfiles. */
  readonly profile?: object;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly indexEf?: number;
  readonly userIndexEf?: number;
  readonly queueDelayMs?: () => number;
  readonly lateBreakers?: LateBreakers;
}

/** A user's age: missing, below 18, below 40, above. */
export const TINY_SCHEMA: Pick<FeatureSchema, 'userFields'> = {
  userFields: [{ name: 'age', type: 'numeric', boundaries: [18, 40] }],
};

/** Asks for items of user u in the tiny world, or what the request says. */
export function recallTiny(request: Partial<RecallRequest> = {}, setup: Setup = {}): Promise<RecallResult> {
  const ports = { ...tinyPorts(), ...setup.ports };
  const engine = new RecallEngine({
    ports: {
      ...ports,
      store: { ...ports.store, ...setup.store },
      userIndex: { ...ports.userIndex, ...setup.userIndex },
    },
    catalog: { ...tinyCatalog(), ...setup.catalog },
    schema: TINY_SCHEMA,
    liveItems: () => setup.liveItems ?? NO_LIVE_ITEMS,
    indexEf: setup.indexEf,
    userIndexEf: setup.userIndexEf,
    queueDelayMs: setup.queueDelayMs,
    lateBreakers: setup.lateBreakers,
    profiles: () => tinyProfiles(setup.profile),
  });
  const signal = setup.signal ?? new AbortController().signal;
  return engine.recall({ requestId: 'q', userId: 'u', ...request }, setup.deadlineMs ?? Infinity, signal);
}
