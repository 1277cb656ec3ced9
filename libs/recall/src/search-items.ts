import type { ScoredLists } from '@mic/domain';
import { BoundedHeap } from '@mic/vectors';
import type { Items } from './items';
import type { CallOptions, ItemIndex, SearchRequest } from './ports';

/** Searches a release's index, and beside it every live item: the lists hold the best of both. */
export async function searchItems(
  index: ItemIndex,
  items: Items,
  request: SearchRequest,
  options: CallOptions,
): Promise<ScoredLists> {
  const lists = await index.search(request, options);
  return items.liveCount === 0 ? lists : withLiveItems(lists, items, request);
}

function withLiveItems({ offsets, rows, scores }: ScoredLists, items: Items, request: SearchRequest): ScoredLists {
  const { vectors, count, k } = request;
  const merged = {
    offsets: new Uint32Array(count + 1),
    rows: new Uint32Array(count * k),
    scores: new Float32Array(count * k),
  };
  const own = new Float32Array(items.liveCount);
  let end = 0;
  for (let query = 0; query < count; query++) {
    const heap = new BoundedHeap(k);
    // Rows of a heap must arrive ascending to break ties, and the index gives them by score: its rows are offered by row.
    const list = Array.from({ length: offsets[query + 1]! - offsets[query]! }, (_, i) => offsets[query]! + i);
    list.sort((a, b) => rows[a]! - rows[b]!);
    for (const place of list) heap.offerBlock(scores, place, 1, rows[place]!);
    for (let i = 0; i < own.length; i++) own[i] = items.similarity(vectors, query, items.releaseCount + i);
    heap.offerBlock(own, 0, own.length, items.releaseCount);
    end += heap.drainInto(merged.rows, merged.scores, end);
    merged.offsets[query + 1] = end;
  }
  return { offsets: merged.offsets, rows: merged.rows.subarray(0, end), scores: merged.scores.subarray(0, end) };
}
