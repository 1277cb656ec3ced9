import type { RankedRecall } from '@mic/recall';
import { LIST_OF, type OfflineRecall } from './offline-recall';
import type { ChannelFigures } from './evaluation';

/** Gathers over many answers how the channels overlap and what their union is worth beside a longer U2I list. */
export class ChannelStudy {
  readonly #overlaps = new Map<string, number>();
  #answers = 0;
  #lengths = 0;
  #unionHits = 0;
  #sameLengthHits = 0;

  /**
   * @param relevant item rows that should be found.
   * @param u2iRank ranks (from 1) of the relevant items in the list of all items that U2I may return.
   */
  add({ lists, merged }: RankedRecall, relevant: Uint32Array, u2iRank: (item: number) => number): void {
    const sets = lists.map(({ candidates }) => new Set(candidates.rows));
    lists.forEach((list, a) => {
      for (let b = a + 1; b < lists.length; b++) {
        const name = `${LIST_OF[list.channel]} ~ ${LIST_OF[lists[b]!.channel]}`;
        this.#overlaps.set(name, (this.#overlaps.get(name) ?? 0) + jaccard(sets[a]!, sets[b]!));
      }
    });
    const size = merged.rows.length;
    const union = new Set(merged.rows);
    this.#answers++;
    this.#lengths += size;
    this.#unionHits += Number(relevant.some((item) => union.has(item)));
    this.#sameLengthHits += Number(relevant.some((item) => u2iRank(item) <= size));
  }

  figures(): Pick<ChannelFigures, 'overlap' | 'union'> {
    const mean = (sum: number): number => (this.#answers === 0 ? 0 : sum / this.#answers);
    return {
      overlap: Object.fromEntries([...this.#overlaps].map(([name, sum]) => [name, mean(sum)])),
      union: {
        meanLength: mean(this.#lengths),
        hitRate: mean(this.#unionHits),
        u2iOfSameLength: mean(this.#sameLengthHits),
      },
    };
  }
}

function jaccard(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let both = 0;
  for (const item of a) if (b.has(item)) both++;
  const either = a.size + b.size - both;
  return either === 0 ? 0 : both / either;
}

/** The merged lists of an answer with one channel left out, by `merged without u2i` and so on. */
export function listsWithout(recall: OfflineRecall, ranked: RankedRecall): Record<string, Uint32Array> {
  return Object.fromEntries(
    ranked.lists.map(({ channel: without }) => [
      `merged without ${LIST_OF[without]}`,
      recall.rerank(ranked, ({ channel }) => channel !== without),
    ]),
  );
}
