import { z } from 'zod';
import { towerSignatureSchema } from '@mic/features';

/** What a checkpoint keeps beside arrays. */
export const progressSchema = z.strictObject({
  /** sha256 of the events that the run could see (see loadSplit). */
  seenSha256: z.string(),
  /** Epochs that were over. */
  epochs: z.int().min(0),
  /** Seconds that the run had taken. */
  seconds: z.number().min(0),
  /** Loss of the last epoch that was over. */
  loss: z.number(),
  /** Of the epoch at hand. */
  losses: z.strictObject({ sums: z.record(z.string(), z.number()), count: z.int().min(0) }),
  /** The best weights so far, for early stopping; their arrays are the checkpoint's. */
  best: z
    .strictObject({
      signature: towerSignatureSchema,
      /** Of the dense parameters, by name. */
      shapes: z.record(z.string(), z.array(z.int())),
      validation: z.record(z.string(), z.number()),
      /** Validations since then that were no better. */
      worse: z.int().min(0),
    })
    .nullable(),
});
export type RunProgress = z.infer<typeof progressSchema>;
