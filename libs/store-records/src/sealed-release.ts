import { parseReleaseId } from '@mic/domain';
import type { ReleasePointer, ReleaseSummary } from '@mic/recall';
import { z } from 'zod';
import { damaged } from './record-errors';

const releaseId = z.string().transform(parseReleaseId);
const pointerSchema: z.ZodType<ReleasePointer> = z.object({
  releaseId,
  manifestSha256: z.string(),
  movedAtMs: z.number(),
});
const sealedSchema = z.object({
  releaseId,
  manifestSha256: z.string(),
  parentId: z.string().nullable(),
  createdAt: z.string(),
  encoder: z.string(),
  dimension: z.number(),
  featureSchemaSha256: z.string(),
  users: z.number(),
  items: z.number(),
  sealedAtMs: z.number(),
});

/** The record of a complete release. */
export interface SealedRelease extends ReleaseSummary {
  /** Milliseconds since the epoch. */
  readonly sealedAtMs: number;
}

/** @throws MicError DATA_LOSS when the record is none. */
export function decodePointer(text: string | null | undefined): ReleasePointer | null {
  if (text === null || text === undefined) return null;
  return decode(pointerSchema, text, 'the pointer');
}

/** Null for a record without a summary, as older versions wrote it: such a release is to be published again. */
export function decodeSealed(text: string): SealedRelease | null {
  const parsed = sealedSchema.safeParse(json(text, 'the seal of a release'));
  return parsed.success ? parsed.data : null;
}

export function summaryOf({ sealedAtMs: _sealedAtMs, ...summary }: SealedRelease): ReleaseSummary {
  return summary;
}

function decode<T>(schema: z.ZodType<T>, text: string, what: string): T {
  const parsed = schema.safeParse(json(text, what));
  if (parsed.success) return parsed.data;
  throw damaged(`${what} in the store is damaged: ${z.prettifyError(parsed.error)}`);
}

function json(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(`${what} in the store is damaged: ${(error as Error).message}`, error);
  }
}
