import { z } from 'zod';

/**
 * One field of a user or an item, with what is needed to turn its raw value into integers.
 * An encoded value is 0 where the value is missing, unseen or masked; vocabulary entry i is encoded as i + 1; a number
 * falls into bucket 1 + (number of boundaries that are <= the value).
 */
export const fieldSpecSchema = z.discriminatedUnion('type', [
  z.strictObject({ name: z.string().min(1), type: z.literal('categorical'), vocabulary: z.array(z.string()) }),
  z.strictObject({
    name: z.string().min(1),
    type: z.literal('multi'),
    vocabulary: z.array(z.string()),
    /** Values kept per row; further ones are cut. */
    width: z.int().min(1).max(64),
  }),
  z.strictObject({
    name: z.string().min(1),
    type: z.literal('numeric'),
    /** Strictly ascending bucket boundaries. */
    boundaries: z.array(z.number()),
  }),
]);
export type FieldSpec = z.infer<typeof fieldSpecSchema>;

/** Fields of users and items in the order in which the towers read them. */
export const featureSchemaSchema = z.strictObject({
  userFields: z.array(fieldSpecSchema),
  itemFields: z.array(fieldSpecSchema),
  /** Item field whose first value is the item's category, or null. */
  categoryField: z.string().nullable(),
});
export type FeatureSchema = z.infer<typeof featureSchemaSchema>;

/** A raw field value as it stands in a dataset or a request. */
export type RawValue = string | number | readonly string[] | null | undefined;
