import { z } from 'zod';
import { ENCODER_NAMES } from './encoder-names';

const share = () => z.number().min(0).max(1);
const weight = () => z.number().min(0).max(100);
const temperature = () => z.number().min(0.01).max(10);

/** Every knob of a training run. Defaults are those of ENCODER_DEFAULTS; unknown knobs are refused. */
export const trainingConfigSchema = z.strictObject({
  encoder: z.enum(ENCODER_NAMES),
  data: z.strictObject({
    /** Newest events of a user that are read: what memory is bounded by. */
    historyCap: z.int().min(2).max(1_000_000),
    /** Share of the catalogue that training must not see, to measure new items on; 0: none. */
    coldItems: z.number().min(0).max(0.5),
  }),
  model: z.strictObject({
    /** Length of user and item vectors and of id rows. */
    dimension: z.int().min(4).max(512),
    /** Events of a history that the user tower reads. */
    longestHistory: z.int().min(1).max(1000),
    /** Width of the hidden layers of the encoder. */
    hidden: z.int().min(4).max(4096),
    /** Width of the hidden layer over an item's fields and users. */
    contentHidden: z.int().min(4).max(4096),
    /** Length of a field embedding. */
    fieldDimension: z.int().min(1).max(128),
    /** Share of token and hidden values that training drops. */
    dropout: z.number().min(0).max(0.9),
    /** Standard deviation of the id rows at the start. */
    initialScale: z.number().min(1e-6).max(10),
    /** pooled, multi-interest: weight of an event relative to the next newer one, at the start; it is learned. */
    recency: z.number().min(0.01).max(0.999),
    /** multi-decay: learned exponential means. */
    decays: z.int().min(1).max(64),
    /** sasrec: blocks and attention heads. */
    blocks: z.int().min(1).max(16),
    heads: z.int().min(1).max(16),
    /** multi-interest: vectors of a user. */
    interests: z.int().min(1).max(16),
  }),
  /** What the towers read beside the history's ids. */
  features: z.strictObject({
    userId: z.boolean(),
    profile: z.boolean(),
    itemFields: z.boolean(),
    itemUsers: z.boolean(),
  }),
  /** Chance that an id is replaced by the mask row in a step: what unknown users and new items are encoded with. */
  mask: z.strictObject({ userId: share(), itemId: share(), historyId: share() }),
  softmax: z.strictObject({
    temperature: temperature(),
    /** full: all items; sampled: the step's targets and uniform negatives; auto: full up to `fullBelow` items. */
    candidates: z.enum(['auto', 'full', 'sampled']),
    fullBelow: z.int().min(1),
    /** Uniform negatives of a step's part, where candidates are sampled. */
    negatives: z.int().min(0).max(65_536),
    /** Share of the log-Q correction for sampled candidates (Yi et al., RecSys 2019). */
    logQ: share(),
    /** Leave the user's other training items out of the negatives. */
    maskSeen: z.boolean(),
  }),
  /** The multi-channel losses (MIC, CIKM 2022). */
  mic: z.strictObject({
    enabled: z.boolean(),
    /** Steps from one with these losses to the next. */
    every: z.int().min(1),
    /** (user, item) pairs of a step that they are computed over. */
    pairs: z.int().min(2).max(16_384),
    /** Events that a user's second view reads. */
    history: z.int().min(1).max(1000),
    /** The second views: chance that a field, an id is masked, share of the inputs that is dropped. */
    view: z.strictObject({ field: share(), userId: share(), itemId: share(), historyId: share(), dropout: share() }),
    userUser: z.strictObject({
      weight: weight(),
      temperature: temperature(),
      /** Whose view agrees with a user: the user's own, or another's who takes the same item next. */
      positives: z.enum(['view', 'same-target']),
    }),
    itemItem: z.strictObject({
      weight: weight(),
      temperature: temperature(),
      /** Whose view agrees with an item: its own, or that of the item before it in the user's history. */
      positives: z.enum(['view', 'previous']),
    }),
    /** Softmax over the users of the pairs for each item, at the temperature of the softmax over items; weight 0: none. */
    itemToUser: z.strictObject({ weight: weight() }),
    /** Binary cross entropy over pairs that are mined from the model on the way; weight 0: none. */
    mined: z.strictObject({
      weight: weight(),
      /** Steps from one mining to the next; the first comes after so many. */
      everySteps: z.int().min(1),
      /** Nearest users and items that count as positives. */
      neighbours: z.int().min(1).max(100),
      /** Clusters of users and of items, and those next to an anchor's own that its negatives are drawn from. */
      clusters: z.int().min(2).max(4096),
      nearClusters: z.int().min(1).max(64),
    }),
    logQ: share(),
  }),
  optimiser: z.strictObject({
    learningRate: z.number().min(1e-7).max(1),
    /** Steps of linear warm-up, as a share of all. */
    warmUp: share(),
    schedule: z.enum(['linear', 'cosine']),
    /** Learning rate at the end as a share of the highest. */
    finalRate: share(),
    beta1: z.number().min(0).max(0.9999),
    beta2: z.number().min(0).max(0.99999),
    /** Longest gradient of a step, over all dense parameters and rows; 0: any. */
    clip: z.number().min(0),
  }),
  loop: z
    .strictObject({
      /** Targets of a step, padding included; 0: as the number of events suggests (see fitSchedule). */
      batchTargets: z.union([z.literal(0), z.int().min(16).max(262_144)]),
      /** Passes over the data; 0: as the number of events suggests. */
      epochs: z.int().min(0).max(1000),
      /** Steps at most; 0: as the epochs say. */
      maxSteps: z.int().min(0),
      /** Windows of a user in an epoch, newest first, for encoders that train at all positions. */
      windows: z.int().min(1).max(1000),
      /** Share of users, at most 2,000, whose last event left in training is held out to validate on; 0: train on it too. */
      validationShare: z.number().min(0).max(1),
      /** Epochs from one validation to the next. */
      validateEvery: z.int().min(1),
      /** Validations without a better one after which training stops and the best stays; 0: never. */
      patience: z.int().min(0),
      /** Seconds from one checkpoint to the next, from which an interrupted run goes on; 0: after every step. */
      checkpointSeconds: z.number().min(0),
      /** Threads; 0: this one. They change the time and not the result. */
      workers: z.int().min(0).max(2),
    })
    .refine(({ patience, validationShare }) => patience === 0 || validationShare > 0, {
      path: ['patience'],
      error: 'early stopping needs events to validate on: set loop.validationShare, e.g. 0.1',
    }),
});
export type TrainingConfig = z.infer<typeof trainingConfigSchema>;
