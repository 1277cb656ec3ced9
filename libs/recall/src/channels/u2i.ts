import type { ScoredLists } from '@mic/domain';
import { NO_CANDIDATES, type ChannelCandidates, type RecallChannel } from '../channel';
import type { Eligibility } from '../eligibility';

/** User to item: the items nearest to the user's vectors; an item that several of them find has its best score. */
export const u2i: RecallChannel = {
  name: 'U2I',
  needsHistory: true,
  async retrieve({ releaseId, profile, eligibility, userVectors }, { index }, options) {
    const { k, ef, quota } = profile.channels.U2I;
    const wanted = eligibility.overFetch(k);
    if (wanted === 0) return NO_CANDIDATES;
    const { count, vectors } = await userVectors();
    const lists = await index.search({ releaseId, count, vectors, k: wanted, ef }, options);
    return bestPerItem(lists, eligibility, Math.min(k, quota));
  },
};

function bestPerItem({ rows, scores }: ScoredLists, eligibility: Eligibility, quota: number): ChannelCandidates {
  const best = new Map<number, number>();
  rows.forEach((row, i) => {
    const score = scores[i]!;
    if (eligibility.has(row) && score > (best.get(row) ?? -Infinity)) best.set(row, score);
  });
  const kept = [...best].sort(([rowA, a], [rowB, b]) => b - a || rowA - rowB).slice(0, quota);
  const similarities = Float32Array.from(kept, ([, score]) => score);
  return {
    rows: Uint32Array.from(kept, ([row]) => row),
    scores: similarities,
    similarities,
    triggers: new Uint32Array(kept.length),
    triggerIds: [''],
  };
}
