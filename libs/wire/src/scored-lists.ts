import type { SearchResponse } from '@mic/contracts';
import type { ScoredLists } from '@mic/domain';
import { malformed, offsetsOf, packed } from './packed';

/** mic.ann.v1.ScoredLists and mic.neighbor.v1.ScoredLists, which are the same. */
type WireScoredLists = NonNullable<SearchResponse['lists']>;

export function toWireLists({ offsets, rows, scores }: ScoredLists): WireScoredLists {
  return { offsets: packed(offsets), rows: packed(rows), scores: packed(scores) };
}

/** @throws MicError INTERNAL when they are not `count` lists. */
export function fromWireLists(wire: WireScoredLists | undefined, count: number): ScoredLists {
  if (wire === undefined) throw malformed('no lists');
  if (wire.rows.length !== wire.scores.length) {
    throw malformed(`${wire.rows.length} rows with ${wire.scores.length} scores`);
  }
  return {
    offsets: offsetsOf(wire.offsets, count, wire.rows.length),
    rows: Uint32Array.from(wire.rows),
    scores: Float32Array.from(wire.scores),
  };
}
