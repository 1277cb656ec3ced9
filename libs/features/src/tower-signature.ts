import { z } from 'zod';

/**
 * towers/signature.json of a release: what the two ONNX towers read and give. B is the batch.
 *
 * User tower inputs: `user_row` float32 [B, idDimension] (the user's trained id embedding; feed `maskedUserRow` for an
 * unknown user), `profile` int64 [B, profileWidth] (encoded user fields, 0 = masked), `history` int64
 * [B, longestHistory] (item row + 1, newest first, 0 = padding at the end). Output: `user_vectors` float32
 * [B, vectorsPerUser, dimension], unit vectors.
 *
 * Item tower inputs: `item_row` float32 [B, idDimension] (the item's trained id embedding; feed `maskedItemRow` for a
 * new item), `fields` int64 [B, itemFieldsWidth], `users_pooled` float32 [B, idDimension] (mean id embedding of users
 * of the item; feed `maskedUserRow` where none is known). Output: `item_vectors` float32 [B, dimension].
 */
export const towerSignatureSchema = z.strictObject({
  formatVersion: z.literal(1),
  dimension: z.int().min(1),
  idDimension: z.int().min(1),
  vectorsPerUser: z.int().min(1),
  longestHistory: z.int().min(1),
  /** Integers per user in the feature schema's layout. */
  profileWidth: z.int().min(0),
  itemFieldsWidth: z.int().min(0),
  maskedUserRow: z.array(z.number()),
  maskedItemRow: z.array(z.number()),
});
export type TowerSignature = z.infer<typeof towerSignatureSchema>;
