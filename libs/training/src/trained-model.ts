import { z } from 'zod';
import type { FeatureSchema, TowerSignature } from '@mic/features';
import { ENCODER_NAMES } from './config/encoder-names';
import { trainingConfigSchema } from './config/training-config';
import type { Parameter } from './model/parameters';
import { PROTOCOLS } from './data/load-split';

/** What a model is and how it came about: model.json of a model folder. */
export const modelInfoSchema = z.strictObject({
  formatVersion: z.literal(3),
  encoder: z.enum(ENCODER_NAMES),
  /** Name of the dataset. */
  dataset: z.string(),
  /** What training has not seen. */
  protocol: z.enum(PROTOCOLS),
  /** First moment that `time` held out, milliseconds since the epoch; null for other protocols. */
  cutMs: z.number().nullable(),
  /** sha256 of the events that it could see (see loadSplit): a test must leave exactly these to training. */
  seenSha256: z.string().regex(/^[0-9a-f]{64}$/),
  seed: z.int(),
  config: trainingConfigSchema,
  steps: z.int().min(0),
  epochs: z.int().min(0),
  finalLoss: z.number(),
  /** HR@k of the U2I list on held-out validation events, 0 .. 1; empty when none were held out. */
  validation: z.record(z.string(), z.number()),
  /** Wall time of training, seconds. */
  seconds: z.number(),
  /** ISO 8601, UTC. */
  createdAt: z.string(),
});
export type ModelInfo = z.infer<typeof modelInfoSchema>;

/**
 * Two towers and what is fed to them, trained here or elsewhere. U users, I items, E = signature.idDimension,
 * F = signature.itemIdDimension.
 */
export interface TowerModel {
  readonly schema: FeatureSchema;
  readonly signature: TowerSignature;
  readonly userIds: readonly string[];
  readonly itemIds: readonly string[];
  /** U x E id rows, the user tower's input; a user without training events has the mask row. */
  readonly userRows: Float32Array;
  /** I x F id rows, the item tower's input; an item without training events has the mask row. */
  readonly itemRows: Float32Array;
  /** ONNX models that meet the signature. */
  readonly userTower: Uint8Array;
  readonly itemTower: Uint8Array;
}

/** A model that was trained here. */
export interface TrainedModel extends TowerModel {
  readonly info: ModelInfo;
  /** Dense parameters by name: what a later run can start from. */
  readonly parameters: Readonly<Record<string, Parameter>>;
}
