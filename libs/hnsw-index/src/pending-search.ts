import { MicError, type ScoredLists } from '@mic/domain';
import type { BurstLists, BurstPart } from './worker-protocol';

/** One search from its request to its answer; its queries may be spread over several threads. */
export class PendingSearch {
  readonly answer: Promise<ScoredLists>;
  readonly #part: BurstPart;
  readonly #vectors: Float32Array;
  readonly #dimension: number;
  readonly #signal: AbortSignal;
  /** Lists of the queries from the key on. */
  readonly #shares = new Map<number, ScoredLists>();
  #sent = 0;
  #answered = 0;
  #settled = false;
  #resolve!: (lists: ScoredLists) => void;
  #reject!: (error: unknown) => void;

  /** @param vectors part.count x dimension; copied, the caller may change them afterwards. */
  constructor(part: BurstPart, vectors: Float32Array, dimension: number, signal: AbortSignal) {
    this.#part = part;
    this.#vectors = vectors.slice();
    this.#dimension = dimension;
    this.#signal = signal;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal.aborted) this.#cancel();
    else signal.addEventListener('abort', this.#cancel);
  }

  /** Queries that no thread has been given; 0 once the search is settled. */
  get unsent(): number {
    return this.#settled ? 0 : this.#part.count - this.#sent;
  }

  /** Hands out at most `limit` unsent queries. */
  take(limit: number): { readonly firstQuery: number; readonly part: BurstPart; readonly vectors: Float32Array } {
    const firstQuery = this.#sent;
    const count = Math.min(limit, this.unsent);
    this.#sent += count;
    const vectors = this.#vectors.subarray(firstQuery * this.#dimension, this.#sent * this.#dimension);
    return { firstQuery, part: { ...this.#part, count }, vectors };
  }

  /** Takes the lists of the queries from `firstQuery` on: lists [firstList, firstList + count) of a burst's answer. */
  accept(firstQuery: number, count: number, { offsets, rows, scores }: BurstLists, firstList: number): void {
    if (this.#settled) return;
    const from = offsets[firstList]!;
    const to = offsets[firstList + count]!;
    const whole = firstList === 0 && to === rows.length;
    this.#shares.set(firstQuery, {
      offsets: whole ? offsets : offsets.slice(firstList, firstList + count + 1).map((offset) => offset - from),
      rows: whole ? rows : rows.slice(from, to),
      scores: whole ? scores : scores.slice(from, to),
    });
    this.#answered += count;
    if (this.#answered < this.#part.count) return;
    this.#settle();
    this.#resolve(joinLists([...this.#shares].sort(([a], [b]) => a - b).map(([, lists]) => lists)));
  }

  fail(error: unknown): void {
    if (this.#settled) return;
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.#settled = true;
    this.#signal.removeEventListener('abort', this.#cancel);
  }

  readonly #cancel = (): void => {
    this.fail(new MicError('CANCELLED', 'the search was cancelled', { cause: this.#signal.reason }));
  };
}

function joinLists(shares: readonly ScoredLists[]): ScoredLists {
  if (shares.length === 1) return shares[0]!;
  const total = shares.reduce((sum, share) => sum + share.rows.length, 0);
  const lists = shares.reduce((sum, share) => sum + share.offsets.length - 1, 0);
  const joined = { offsets: new Uint32Array(lists + 1), rows: new Uint32Array(total), scores: new Float32Array(total) };
  let list = 0;
  let at = 0;
  for (const { offsets, rows, scores } of shares) {
    joined.rows.set(rows, at);
    joined.scores.set(scores, at);
    for (let i = 1; i < offsets.length; i++) joined.offsets[++list] = at + offsets[i]!;
    at += rows.length;
  }
  return joined;
}
