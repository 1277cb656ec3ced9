import { CHANNELS, MicError } from '@mic/domain';
import { profileSchema, type RankedRecall, type RecallRequest } from '@mic/recall';
import { z } from 'zod';
import { numbersColumn, packColumn, rowsColumn } from './packed-columns';

const VERSION = 1;

/** One answer, with all that its ranking was made of: a line of the decision log. Columns are packed, see packColumn. */
const decisionSchema = z.strictObject({
  version: z.literal(VERSION),
  /** When it was answered: ISO 8601, UTC. */
  time: z.iso.datetime(),
  requestId: z.string(),
  userId: z.string(),
  releaseId: z.string(),
  /** sha256 of the release's manifest, hex. */
  manifestSha256: z.string(),
  /** Name, hash and values of the parameter set, overrides included. */
  profile: z.strictObject({ name: z.string(), hash: z.string(), values: profileSchema }),
  n: z.int().min(1),
  /** What items were scored with; null where the user had no vector. */
  userVectors: z.strictObject({ count: z.int().min(1), vectors: numbersColumn }).nullable(),
  /** Candidates that the release does not know, by ascending row, with their vectors one behind the other. */
  liveItems: z.strictObject({
    revision: z.number(),
    items: z.array(z.strictObject({ row: z.int(), itemId: z.string(), category: z.string() })),
    vectors: numbersColumn,
    /** Candidates of the release that are of another category than in it, by row. */
    categories: z.array(z.tuple([z.int(), z.string()])),
  }),
  /** Candidates of each channel that was run, in the channel's order. */
  lists: z.array(
    z.strictObject({
      channel: z.enum(CHANNELS),
      rows: rowsColumn,
      scores: numbersColumn,
      similarities: numbersColumn,
      triggers: rowsColumn,
      triggerIds: z.array(z.string()),
    }),
  ),
  /** Item rows and scores as they were answered. */
  answer: z.strictObject({ rows: rowsColumn, scores: numbersColumn }),
});
export type Decision = z.infer<typeof decisionSchema>;

/** A line of the log for an answer. */
export function encodeDecision(
  request: RecallRequest,
  ranked: RankedRecall,
  manifestSha256: string,
  time: Date,
): string {
  const { items, merged, scores, order, picked, userVectors } = ranked;
  const candidates = [...merged.rows];
  const live = candidates.filter((row) => row >= items.releaseCount).sort((a, b) => a - b);
  const changed = candidates.filter(
    (row) => row < items.releaseCount && items.categoryOf(row) !== items.catalog.categories[row],
  );
  const nameOf = (row: number): string => items.categoryName(items.categoryOf(row));
  const decision: z.input<typeof decisionSchema> = {
    version: VERSION,
    time: time.toISOString(),
    requestId: request.requestId,
    userId: request.userId,
    releaseId: items.releaseId,
    manifestSha256,
    profile: { name: picked.name, hash: picked.hash, values: picked.profile },
    n: ranked.n,
    userVectors: userVectors && { count: userVectors.count, vectors: packColumn(userVectors.vectors) },
    liveItems: {
      revision: items.revision,
      items: live.map((row) => ({ row, itemId: items.itemId(row), category: nameOf(row) })),
      vectors: packColumn(items.vectorsOf(live)),
      categories: changed.map((row) => [row, nameOf(row)]),
    },
    lists: ranked.lists.map(({ channel, candidates: { rows, scores, similarities, triggers, triggerIds } }) => ({
      channel,
      rows: packColumn(rows),
      scores: packColumn(scores),
      similarities: packColumn(similarities),
      triggers: packColumn(triggers),
      triggerIds: [...triggerIds],
    })),
    answer: {
      rows: packColumn(order.map((i) => merged.rows[i]!)),
      scores: packColumn(Float32Array.from(order, (i) => scores.score[i]!)),
    },
  };
  return JSON.stringify(decision);
}

/** @throws MicError DATA_LOSS that says what is wrong in the line. */
export function decodeDecision(line: string): Decision {
  const refuse = (why: string): never => {
    throw new MicError('DATA_LOSS', `the line is no decision: ${why}`, {
      remedy: 'leave it out; the last line of a log is cut where the process was killed',
    });
  };
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    return refuse((error as Error).message);
  }
  const parsed = decisionSchema.safeParse(json);
  return parsed.success ? parsed.data : refuse(z.prettifyError(parsed.error));
}
