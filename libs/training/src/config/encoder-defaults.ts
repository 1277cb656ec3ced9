import type { EncoderName } from './encoder-names';
import type { TrainingConfig } from './training-config';

type Group<K extends keyof TrainingConfig> = TrainingConfig[K] extends object ? Partial<TrainingConfig[K]> : never;
/** A part of a configuration. */
export type PartialConfig = { readonly [K in Exclude<keyof TrainingConfig, 'encoder'>]?: Group<K> };

/** Where nothing else is said. */
export const DEFAULTS: Omit<TrainingConfig, 'encoder'> = {
  data: { historyCap: 1_000, coldItems: 0 },
  model: {
    dimension: 64,
    longestHistory: 50,
    hidden: 128,
    contentHidden: 128,
    fieldDimension: 16,
    dropout: 0,
    initialScale: 0.05,
    recency: 0.8,
    decays: 7,
    blocks: 2,
    heads: 2,
    interests: 4,
  },
  features: { userId: true, profile: true, itemFields: true, itemUsers: true },
  mask: { userId: 0.5, itemId: 0.05, historyId: 0.05 },
  softmax: {
    temperature: 0.1,
    candidates: 'auto',
    fullBelow: 20_000,
    negatives: 512,
    logQ: 1,
    maskSeen: true,
  },
  mic: {
    enabled: true,
    every: 1,
    pairs: 256,
    history: 50,
    view: { field: 0.3, userId: 0.3, itemId: 0.3, historyId: 0.2, dropout: 0.1 },
    userUser: { weight: 0.1, temperature: 0.2, positives: 'view' },
    itemItem: { weight: 0.1, temperature: 0.2, positives: 'previous' },
    itemToUser: { weight: 0 },
    mined: { weight: 0, everySteps: 1_000, neighbours: 5, clusters: 64, nearClusters: 3 },
    logQ: 1,
  },
  optimiser: {
    learningRate: 0.004,
    warmUp: 0.03,
    schedule: 'linear',
    finalRate: 0.05,
    beta1: 0.9,
    beta2: 0.999,
    clip: 0,
  },
  loop: {
    batchTargets: 0,
    epochs: 0,
    maxSteps: 0,
    windows: 1,
    validationShare: 0,
    validateEvery: 1,
    patience: 0,
    checkpointSeconds: 60,
    workers: 2,
  },
};

/** For encoders that train at all positions: the order of a long history says more than who the user is. */
const SEQUENCE: PartialConfig = {
  features: { userId: false, itemUsers: false },
  mask: { userId: 0, itemId: 0, historyId: 0 },
  mic: { enabled: false },
  softmax: { temperature: 0.07 },
  optimiser: { learningRate: 0.003, schedule: 'cosine', finalRate: 0.02, beta2: 0.98 },
  loop: { windows: 2, validateEvery: 4 },
};

/** What an encoder does better with; found by the experiments in docs/experiments.md. */
export const ENCODER_DEFAULTS: Readonly<Record<EncoderName, PartialConfig>> = {
  pooled: {},
  'multi-decay': { ...SEQUENCE, model: { longestHistory: 200, hidden: 512, dropout: 0.2, initialScale: 0.025 } },
  sasrec: { ...SEQUENCE, model: { longestHistory: 200, hidden: 256, dropout: 0.2, initialScale: 0.025 } },
  gru4rec: {
    ...SEQUENCE,
    model: { longestHistory: 50, hidden: 128, dropout: 0.2, initialScale: 0.025 },
    loop: { windows: 4, validateEvery: 4 },
  },
  'multi-interest': { model: { hidden: 256, interests: 2 } },
};
