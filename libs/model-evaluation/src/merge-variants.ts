import type { ChannelList } from '@mic/recall';

/** Ways of merging the channels' lists that know nothing of scores across channels: what the rerank is held against. */
export const MERGE_VARIANTS: Readonly<Record<string, (lists: readonly ChannelList[], n: number) => Uint32Array>> = {
  'reciprocal rank fusion': reciprocalRankFusion,
  'one of each in turn': inTurn,
  'quotas 60:20:20': (lists, n) => byQuota(lists, n, { U2I: 0.6, U2U2I: 0.2, U2I2I: 0.2, POPULAR: 0 }),
};

/** Constant of reciprocal rank fusion (Cormack et al., SIGIR 2009). */
const RRF = 60;

function reciprocalRankFusion(lists: readonly ChannelList[], n: number): Uint32Array {
  const scores = new Map<number, number>();
  for (const { candidates } of lists) {
    candidates.rows.forEach((row, place) => scores.set(row, (scores.get(row) ?? 0) + 1 / (RRF + place + 1)));
  }
  const order = [...scores].sort(([rowA, a], [rowB, b]) => b - a || rowA - rowB);
  return Uint32Array.from(order.slice(0, n), ([row]) => row);
}

function inTurn(lists: readonly ChannelList[], n: number): Uint32Array {
  const taken = new Set<number>();
  const longest = Math.max(...lists.map(({ candidates }) => candidates.rows.length));
  for (let place = 0; place < longest && taken.size < n; place++) {
    for (const { candidates } of lists) {
      if (taken.size < n && place < candidates.rows.length) taken.add(candidates.rows[place]!);
    }
  }
  return Uint32Array.from(taken);
}

/** Each channel's best new items up to its share, in the order of the channels; the first channel fills what is left. */
function byQuota(
  lists: readonly ChannelList[],
  n: number,
  shares: Readonly<Record<ChannelList['channel'], number>>,
): Uint32Array {
  const taken = new Set<number>();
  const take = ({ candidates }: ChannelList, most: number): void => {
    let left = most;
    for (const row of candidates.rows) {
      if (left === 0 || taken.size === n) return;
      if (taken.has(row)) continue;
      taken.add(row);
      left--;
    }
  };
  for (const list of lists) take(list, Math.round(shares[list.channel] * n));
  if (lists[0]) take(lists[0], n);
  return Uint32Array.from(taken);
}
