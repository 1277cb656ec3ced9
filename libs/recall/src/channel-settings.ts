import { z } from 'zod';

export const milliseconds = z.number().min(1).max(600_000);
export const count = (most: number) => z.int().min(1).max(most);

/** Largest number of anything. */
export const MOST_COUNT = 10_000;
/** Most triggers of a two-hop channel: the services take 512 rows a call, and one of them may be the user who asks. */
export const MOST_TRIGGERS = 500;
/** Most items of one trigger: as many as a list of the services has. */
export const MOST_PER_TRIGGER = 1_000;

/** What every channel can be told in a profile. */
export const COMMON_SETTINGS = {
  enabled: z.boolean().default(true),
  /** Time the channel may take, milliseconds; less where the caller's deadline leaves less. */
  timeoutMs: milliseconds.default(500),
  /** Candidates kept at most. */
  quota: count(MOST_COUNT).default(200),
  /** What the channel counts in the repetition of an item. */
  weight: z.number().min(0).max(100).default(1),
  /**
   * Without an answer after so many milliseconds, what the channel asks a service is asked once more, of another address; whichever
   * answers first counts. Never without it.
   */
  hedgeAfterMs: milliseconds.optional(),
};

/** Of channels that sum up evidence: see Evidence. */
export const EVIDENCE_SETTINGS = {
  /** Temperature of the evidence exp((similarity - 1) / temperature) that one trigger gives an item. */
  temperature: z.number().min(0.001).max(100).default(0.15),
  /** Factor by which evidence falls with each place of age. */
  ageDecay: z.number().min(0).max(1).default(0.8),
};

/** HNSW search width where the channel searches; the index's own without it. */
export const EF_SETTING = count(MOST_COUNT).optional();

/** RecallChannel.counts of such a channel. */
export const twoHopCounts = (triggers: string, perTrigger: string) => ({
  triggers: { setting: triggers, most: MOST_TRIGGERS },
  perTrigger: { setting: perTrigger, most: MOST_PER_TRIGGER },
  ef: { setting: 'ef', most: MOST_COUNT },
});
