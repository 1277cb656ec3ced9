import { z } from 'zod';
import { featureSchemaSchema } from './schema';
import { deriveWidths } from './signature-widths';

/** One input or output of a tower; a text in the shape is an axis of any length, the first is the batch. */
export const tensorInterfaceSchema = z.strictObject({
  dtype: z.enum(['float32', 'int64']),
  shape: z.array(z.union([z.int().min(0), z.string().min(1)])),
});
export type TensorInterface = z.infer<typeof tensorInterfaceSchema>;

/** What the user tower reads and gives. An input that it has no use for is left out. */
const userTowerSchema = z.strictObject({
  inputs: z.strictObject({
    /** float32 [batch, E]: the user's id row; `maskedUserRow` for an unknown user. */
    user_row: tensorInterfaceSchema.optional(),
    /** int64 [batch, P]: the encoded user fields (see fieldSpecSchema), 0 = missing, unseen or masked. */
    profile: tensorInterfaceSchema.optional(),
    /**
     * int64 [batch, L]: item row + 1, newest first, 0 = padding at the end. Where L is a text, histories of every length
     * up to `longestHistory` are fed, and padding must not change the vectors.
     */
    history: tensorInterfaceSchema.optional(),
  }),
  outputs: z.strictObject({
    /** float32 [batch, D], or [batch, N, D] with N vectors of each user. */
    user_vectors: tensorInterfaceSchema,
  }),
});

/** What the item tower reads and gives. */
const itemTowerSchema = z.strictObject({
  inputs: z.strictObject({
    /** float32 [batch, F]: the item's id row; `maskedItemRow` for a new item. */
    item_row: tensorInterfaceSchema.optional(),
    /** int64 [batch, Q]: the encoded item fields. */
    fields: tensorInterfaceSchema.optional(),
    /** float32 [batch, E]: mean id row of the item's users; `maskedUserRow` where none is known. */
    users_pooled: tensorInterfaceSchema.optional(),
  }),
  outputs: z.strictObject({
    /** float32 [batch, D]. */
    item_vectors: tensorInterfaceSchema,
  }),
});

/** Files of ids and id rows, relative to the signature's own folder; the formats are told by docs/towers.md. */
const signatureFilesSchema = z.strictObject({
  userIds: z.string().min(1).optional(),
  userRows: z.string().min(1).optional(),
  itemIds: z.string().min(1).optional(),
  itemRows: z.string().min(1).optional(),
});

/** What the towers have not seen; without it nothing is measured on held-out events. */
const signatureTrainingSchema = z.strictObject({
  /** A protocol of `mic train`, or `unknown`. */
  protocol: z.string().min(1),
  /** sha256 of the events that training could see; without it `mic build` says which one a dataset has. */
  seenSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'is not 64 hexadecimal digits')
    .optional(),
  /** Newest events of a user that are read. */
  historyCap: z.int().min(2).max(1_000_000).default(1_000),
  /** Share of the items whose events training has not seen. */
  coldItems: z.number().min(0).max(0.5).default(0),
  /** Seed of samples. */
  seed: z.int().default(1),
});

/**
 * A signature as its file has it: towers/signature.json of a release, or the file of towers that were trained elsewhere.
 * Numbers that follow from the shapes may be left out; those that stand there must agree with them.
 */
export const signatureFileSchema = z.strictObject({
  formatVersion: z.literal(2),
  /** What the towers are. */
  encoder: z.string().min(1).max(64).default('external'),
  userTower: userTowerSchema,
  itemTower: itemTowerSchema,
  /** True where vectors of any length come out, which are made unit vectors by who runs the towers. */
  normalise: z.boolean().default(false),
  dimension: z.int().min(1).optional(),
  vectorsPerUser: z.int().min(1).optional(),
  longestHistory: z.int().min(1).optional(),
  idDimension: z.int().min(0).optional(),
  itemIdDimension: z.int().min(0).optional(),
  profileWidth: z.int().min(0).optional(),
  itemFieldsWidth: z.int().min(0).optional(),
  /** Zeros where they are left out. */
  maskedUserRow: z.array(z.number()).optional(),
  maskedItemRow: z.array(z.number()).optional(),
  /** Fields in the order in which the towers read them, or a JSON file that has this, relative to the signature's folder. */
  features: z.union([featureSchemaSchema, z.string().min(1)]).optional(),
  files: signatureFilesSchema.optional(),
  training: signatureTrainingSchema.optional(),
});
export type SignatureFile = z.infer<typeof signatureFileSchema>;

/** Numbers that follow from the shapes of a signature. */
export interface SignatureWidths {
  /** Length of user and item vectors, D. */
  readonly dimension: number;
  readonly vectorsPerUser: number;
  /** Newest events of a user that the user tower reads; 1 where it reads none. */
  readonly longestHistory: number;
  /** Length of a user's id row, E; 0 where neither tower reads one. */
  readonly idDimension: number;
  /** Length of an item's id row, F; 0 where the item tower reads none. */
  readonly itemIdDimension: number;
  /** Integers of a user and of an item in the feature schema's layout, P and Q. */
  readonly profileWidth: number;
  readonly itemFieldsWidth: number;
  readonly maskedUserRow: readonly number[];
  readonly maskedItemRow: readonly number[];
}

/** What two towers read and give, and what follows from it. */
export type TowerSignature = Omit<SignatureFile, keyof SignatureWidths> & SignatureWidths;

/** A signature file, with what follows from it; refused where its parts do not fit one another. */
export const towerSignatureSchema = signatureFileSchema.transform((file, context): TowerSignature => {
  const { widths, problems } = deriveWidths(file);
  for (const message of problems) context.addIssue({ code: 'custom', message });
  return { ...file, ...widths };
});
