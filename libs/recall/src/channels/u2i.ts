import type { ScoredLists } from '@mic/domain';
import { topCandidates } from '@mic/rerank';
import { NO_CANDIDATES, type ChannelCandidates, type RecallChannel } from '../channel';
import type { Eligibility } from '../eligibility';
import { RowPositions } from '../row-positions';

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
  const positions = new RowPositions(rows.length);
  const best = new Float32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    if (!eligibility.has(rows[i]!)) continue;
    const known = positions.size;
    const position = positions.of(rows[i]!);
    if (position === known || scores[i]! > best[position]!) best[position] = scores[i]!;
  }
  const found = positions.rows();
  const kept = topCandidates(best.subarray(0, found.length), found, quota);
  const similarities = new Float32Array(kept.length);
  for (let place = 0; place < kept.length; place++) similarities[place] = best[kept[place]!]!;
  return {
    rows: kept.map((i) => found[i]!),
    scores: similarities,
    similarities,
    triggers: new Uint32Array(kept.length),
    triggerIds: [''],
  };
}
