import type { ScoredLists } from '@mic/domain';
import { topCandidates } from '@mic/rerank';
import { z } from 'zod';
import { bestEligible } from '../best-eligible';
import { NO_CANDIDATES, type ChannelCandidates, type RecallChannel } from '../channel';
import { COMMON_SETTINGS, count, EF_SETTING, MOST_COUNT } from '../channel-settings';
import type { Eligibility } from '../eligibility';
import type { Items } from '../items';
import type { UserVectors } from '../ports';
import { RowPositions } from '../row-positions';
import { searchItems } from '../search-items';

/** Eligible items that a scan looks at where a search found too few. */
const MOST_SCANNED = 2_000_000;

/** In a profile. */
export const u2iSettings = z
  .strictObject({
    ...COMMON_SETTINGS,
    /** Nearest items wanted (K1), before seen ones are dropped. */
    k: count(MOST_COUNT).default(200),
    ef: EF_SETTING,
  })
  .prefault({});

/**
 * User to item: the items nearest to the user's vectors; an item that several of them find has its best score. It finds as many
 * as the answer is to have, where there are so many that may be returned: beside the index, or where a filter leaves few, every
 * eligible item is looked at.
 */
export const u2i: RecallChannel = {
  name: 'U2I',
  needsHistory: true,
  asksNobody: false,
  counts: { triggers: { setting: 'k', most: MOST_COUNT }, ef: { setting: 'ef', most: MOST_COUNT } },
  isFallback: () => false,
  async retrieve(
    { releaseId, n, profile, items, eligibility, userVectors, effort, indexEf, explain },
    { index },
    options,
  ) {
    const { k, ef, quota } = profile.channels.U2I;
    const wanted = Math.max(Math.min(effort.of('k', k, Math.min(k, n)), quota), n);
    const plan = eligibility.planFor(wanted);
    if (plan.kind === 'none') return NO_CANDIDATES;
    const user = await userVectors();
    if (plan.kind === 'search') {
      const width = ef ?? indexEf;
      const request = {
        releaseId,
        ...user,
        k: plan.k,
        ef: width === undefined ? undefined : effort.of('ef', width, Math.min(width, plan.k)),
      };
      const lists = await searchItems(index, items, request, options);
      const found = bestPerItem(lists, eligibility, wanted, explain);
      const isShort = found.rows.length < Math.min(wanted, eligibility.count);
      if (!isShort || eligibility.count > MOST_SCANNED) return found;
    }
    const { rows, scores } = await bestEligible(eligibility, bestSimilarity(items, user), wanted, options);
    return candidates(rows, scores);
  },
  because: ({ score }) => `its vector is near the user's (similarity ${score.toFixed(2)})`,
};

function bestSimilarity(items: Items, { count, vectors }: UserVectors): (row: number) => number {
  return (row) => {
    let best = -Infinity;
    for (let v = 0; v < count; v++) best = Math.max(best, items.similarity(vectors, v, row));
    return best;
  };
}

function bestPerItem(
  { rows, scores }: ScoredLists,
  eligibility: Eligibility,
  wanted: number,
  explain: boolean,
): ChannelCandidates {
  const positions = new RowPositions(rows.length);
  const best = new Float32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    if (!eligibility.has(rows[i]!)) continue;
    const known = positions.size;
    const position = positions.of(rows[i]!);
    if (position === known || scores[i]! > best[position]!) best[position] = scores[i]!;
  }
  const found = positions.rows();
  const ordered = topCandidates(best.subarray(0, found.length), found, explain ? found.length : wanted);
  const kept = ordered.subarray(0, wanted);
  const similarities = new Float32Array(kept.length);
  for (let place = 0; place < kept.length; place++) similarities[place] = best[kept[place]!]!;
  return {
    ...candidates(
      kept.map((i) => found[i]!),
      similarities,
    ),
    ...(explain && { beyondQuota: ordered.subarray(wanted).map((i) => found[i]!) }),
  };
}

const candidates = (rows: Uint32Array, similarities: Float32Array): ChannelCandidates => ({
  rows,
  scores: similarities,
  similarities,
  triggers: new Uint32Array(rows.length),
  triggerIds: [''],
});
