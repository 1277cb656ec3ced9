import { setImmediate as nextTurn } from 'node:timers/promises';
import { MicError } from '@mic/domain';
import { BoundedHeap } from '@mic/vectors';
import type { Eligibility } from './eligibility';
import type { CallOptions } from './ports';

/** Rows that are looked at before others get a turn: about a quarter of a millisecond. */
const ROWS_A_TURN = 4_096;

/**
 * The best eligible items by a score of each, exactly: every one is looked at, in portions that leave the event loop its turns.
 *
 * @param scoreOf score of an item row, finite.
 * @param wanted items kept at most.
 * @returns best first, equal scores by row.
 * @throws MicError CANCELLED when the signal fires.
 */
export async function bestEligible(
  eligibility: Eligibility,
  scoreOf: (row: number) => number,
  wanted: number,
  { signal }: Pick<CallOptions, 'signal'>,
): Promise<{ readonly rows: Uint32Array; readonly scores: Float32Array }> {
  const eligible = eligibility.rows();
  const heap = new BoundedHeap(Math.min(wanted, eligible.length));
  const score = new Float32Array(1);
  for (let i = 0; i < eligible.length; i++) {
    if (i > 0 && i % ROWS_A_TURN === 0) {
      await nextTurn();
      if (signal.aborted) throw new MicError('CANCELLED', 'the items are not wanted any more');
    }
    score[0] = scoreOf(eligible[i]!);
    heap.offerBlock(score, 0, 1, eligible[i]!);
  }
  const size = Math.min(wanted, eligible.length);
  const found = { rows: new Uint32Array(size), scores: new Float32Array(size) };
  heap.drainInto(found.rows, found.scores, 0);
  return found;
}
