import { dot } from '@mic/vectors';
import { marginallyRelevant, scoreCandidates, topCandidates, windowedByCategory, type RerankScores } from '@mic/rerank';
import { RECALL_CHANNELS } from './channels/registry';
import { mergeCandidates, type ChannelList, type MergedCandidates } from './merge';
import type { ItemCatalog, UserVectors } from './ports';
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
  catalog: ItemCatalog,
  userVectors: UserVectors | null,
  rerank: RecallProfile['rerank'],
  n: number,
): RankedCandidates {
  const merged = mergeCandidates(lists);
  const scores = scoreMerged(merged, catalog, userVectors, rerank);
  return { merged, scores, order: listOf(scores.score, merged, catalog, rerank.order, n) };
}

/** Positions of the n items of the list, as the profile wants it made. */
function listOf(
  score: Float32Array,
  { rows }: MergedCandidates,
  { vectors, categories, dimension }: ItemCatalog,
  order: RecallProfile['rerank']['order'],
  n: number,
): Uint32Array {
  if (order.kind === 'score') return topCandidates(score, rows, n);
  const byScore = topCandidates(score, rows, rows.length);
  if (order.kind === 'window') {
    const ofCandidates = rows.map((row) => categories[row]!);
    return windowedByCategory(byScore, ofCandidates, n, order);
  }
  const alike = (a: number, b: number): number => dot(vectors, rows[a]!, vectors, rows[b]!, dimension);
  return marginallyRelevant(byScore, score, alike, n, order);
}

/**
 * Rerank scores of the merged candidates. The similarity is e_u . e_v for every candidate, whatever channel found it (the
 * best one where the user has several vectors); without a user vector, the best similarity a channel has for the item.
 */
function scoreMerged(
  merged: MergedCandidates,
  catalog: ItemCatalog,
  userVectors: UserVectors | null,
  rerank: RecallProfile['rerank'],
): RerankScores {
  const basic = userVectors ? similarities(merged.rows, catalog, userVectors) : merged.similarities;
  return scoreCandidates(
    {
      basic,
      channelCounts: merged.channelCounts,
      similarUsers: merged.scoresOf('U2U2I'),
      similarItems: merged.scoresOf('U2I2I'),
      categories: merged.rows.map((row) => catalog.categories[row]!),
      tieBreakers: merged.rows,
    },
    { ...rerank, channelCount: RECALL_CHANNELS.length },
  );
}

function similarities(rows: Uint32Array, { vectors, dimension }: ItemCatalog, user: UserVectors): Float32Array {
  const best = new Float32Array(rows.length).fill(-Infinity);
  for (let i = 0; i < rows.length; i++) {
    for (let v = 0; v < user.count; v++) {
      best[i] = Math.max(best[i]!, dot(user.vectors, v, vectors, rows[i]!, dimension));
    }
  }
  return best;
}
