import { marginallyRelevant, scoreCandidates, topCandidates, windowedByCategory, type RerankScores } from '@mic/rerank';
import type { Items } from './items';
import { mergeCandidates, type ChannelList, type MergedCandidates } from './merge';
import type { UserVectors } from './ports';
import type { RecallProfile } from './profile';

/** The union of channels' lists, scored and ordered. */
export interface RankedCandidates {
  readonly merged: MergedCandidates;
  readonly scores: RerankScores;
  /** Positions in `merged` of the items returned, best first. */
  readonly order: Uint32Array;
}

/** Merges the channels' lists, scores the candidates, and orders the best n. */
export function rankLists(
  lists: readonly ChannelList[],
  items: Items,
  userVectors: UserVectors | null,
  profile: RecallProfile,
  n: number,
): RankedCandidates {
  const merged = mergeCandidates(lists);
  const categories = merged.rows.map((row) => items.categoryOf(row));
  const basic = userVectors ? similarities(merged.rows, items, userVectors) : merged.similarities;
  const scores = scoreCandidates(
    {
      basic,
      channelWeights: merged.channelWeights,
      similarUsers: merged.scoresOf('U2U2I'),
      similarItems: merged.scoresOf('U2I2I'),
      categories,
      tieBreakers: merged.rows,
    },
    { ...profile.rerank, totalWeight: totalWeight(lists) },
  );
  return { merged, scores, order: listOf(scores.score, merged, categories, items, profile.rerank.order, n) };
}

/** Weights of the channels that were run: what was off, or a fallback that was not needed, could not have found an item. */
const totalWeight = (lists: readonly ChannelList[]): number => lists.reduce((sum, { weight }) => sum + weight, 0) || 1;

/** Positions of the n items of the list, as the profile wants it made. */
function listOf(
  score: Float32Array,
  { rows }: MergedCandidates,
  categories: Uint32Array,
  items: Items,
  order: RecallProfile['rerank']['order'],
  n: number,
): Uint32Array {
  if (order.kind === 'score') return topCandidates(score, rows, n);
  const byScore = topCandidates(score, rows, rows.length);
  if (order.kind === 'window') return windowedByCategory(byScore, categories, n, order);
  return marginallyRelevant(byScore, score, (a, b) => items.alike(rows[a]!, rows[b]!), n, order);
}

/**
 * e_u . e_v for every candidate, whatever channel found it; the best one where the user has several vectors. Without a user
 * vector, the best similarity that a channel has for the item takes its place.
 */
function similarities(rows: Uint32Array, items: Items, { count, vectors }: UserVectors): Float32Array {
  const best = new Float32Array(rows.length).fill(-Infinity);
  for (let i = 0; i < rows.length; i++) {
    for (let v = 0; v < count; v++) best[i] = Math.max(best[i]!, items.similarity(vectors, v, rows[i]!));
  }
  return best;
}
