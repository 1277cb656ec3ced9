import { availableParallelism } from 'node:os';
import { MicError, type ReleaseId, type ScoredLists } from '@mic/domain';
import type { CallOptions, ItemIndex, SearchRequest } from '@mic/recall';
import { firstNonFinite } from '@mic/vectors';
import { PendingSearch } from './pending-search';
import { SearchWorker } from './search-worker';
import type { BurstPart, WorkerSetup } from './worker-protocol';

export interface WorkerItemIndexOptions {
  readonly releaseId: ReleaseId;
  /** count x dimension, row-major, finite. Copied once into memory that the threads share, unless it is shared already. */
  readonly vectors: Float32Array;
  readonly count: number;
  readonly dimension: number;
  /** exact: every row is looked at (the faster choice below about 10,000 rows). hnsw: needs `indexPath`. */
  readonly kind: 'exact' | 'hnsw';
  /** File that buildHnsw wrote over the same vectors, its sha256 verified by the caller. */
  readonly indexPath?: string | null;
  /** Search width where a request names none; 200 by default. */
  readonly ef?: number;
  /** Threads, each with an index of its own; by default one less than there are cores, at least 1 and at most 2. */
  readonly workers?: number;
}

/** A place for a thread; a new one takes it when the old one dies. */
interface Slot {
  worker: SearchWorker | null;
  busy: boolean;
  /** Deaths since the last answer. */
  deaths: number;
}

/** A thread that dies this often without an answer in between is not started again. */
const MOST_DEATHS = 3;

/**
 * Nearest-neighbour search over the rows of one matrix (items, or users: see WorkerUserIndex) in worker threads, so that the event loop stays free. Queries that arrive in the same turn
 * of the loop, or while the threads are busy, travel together, and are shared out evenly among the threads.
 */
export class WorkerItemIndex implements ItemIndex {
  readonly #options: Required<Pick<WorkerItemIndexOptions, 'releaseId' | 'count' | 'dimension' | 'ef'>>;
  readonly #setup: WorkerSetup;
  readonly #slots: Slot[];
  #queue: PendingSearch[] = [];
  #dispatching = false;
  #closed = false;

  private constructor(options: WorkerItemIndexOptions, setup: WorkerSetup, workers: readonly SearchWorker[]) {
    const { releaseId, count, dimension, ef = 200 } = options;
    this.#options = { releaseId, count, dimension, ef };
    this.#setup = setup;
    this.#slots = workers.map(() => ({ worker: null, busy: false, deaths: 0 }));
    workers.forEach((worker, i) => {
      this.#seat(this.#slots[i]!, worker);
    });
  }

  /**
   * Starts the threads and loads their indexes.
   *
   * @throws MicError INVALID_ARGUMENT when options contradict each other, DATA_LOSS when the file is no index of these
   *   vectors, UNAVAILABLE when a thread does not start.
   */
  static async open(options: WorkerItemIndexOptions): Promise<WorkerItemIndex> {
    const { vectors, count, dimension, kind, workers = Math.min(2, Math.max(1, availableParallelism() - 1)) } = options;
    checkLength('vectors', vectors, count, dimension);
    if (count < 1) throw invalid('count', 'an index needs at least one row');
    checkWhole('workers', workers);
    if (options.ef !== undefined) checkWhole('ef', options.ef);
    const indexPath = kind === 'hnsw' ? (options.indexPath ?? null) : null;
    if (kind === 'hnsw' && indexPath === null) throw invalid('indexPath', 'an index of kind hnsw needs its file');
    const setup = { kind, vectors: toShared(vectors), count, dimension, indexPath, check: false };
    const first = await SearchWorker.start({ ...setup, check: true });
    const started = await Promise.allSettled(Array.from({ length: workers - 1 }, () => SearchWorker.start(setup)));
    const failed = started.find((result) => result.status === 'rejected');
    const running = [first, ...started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))];
    if (failed) {
      await Promise.all(running.map((worker) => worker.terminate()));
      throw failed.reason;
    }
    return new WorkerItemIndex(options, setup, running);
  }

  /**
   * @throws MicError INVALID_ARGUMENT on a wrong length, NaN, infinity, or a k or ef below 1; FAILED_PRECONDITION for
   *   another release; CANCELLED as soon as the signal fires; UNAVAILABLE when the thread dies or the index is closed.
   */
  async search(request: SearchRequest, options: CallOptions): Promise<ScoredLists> {
    const { releaseId, count: rowCount, dimension } = this.#options;
    const { count, vectors, k, ef = this.#options.ef } = request;
    if (request.releaseId !== releaseId) {
      throw new MicError('FAILED_PRECONDITION', `this index is of release ${releaseId}, not ${request.releaseId}`, {
        subject: 'release_id',
        remedy: `ask for ${releaseId}, or load ${request.releaseId} here first`,
      });
    }
    checkWhole('k', k);
    checkWhole('ef', ef);
    checkVectors('vectors', vectors, count, dimension);
    if (this.#closed || !this.#slots.some(isAlive)) throw this.#gone();
    if (count === 0) return { offsets: new Uint32Array(1), rows: new Uint32Array(), scores: new Float32Array() };
    const part: BurstPart = { count, k: Math.min(k, rowCount), ef: Math.min(ef, rowCount) };
    const search = new PendingSearch(part, vectors, dimension, options.signal);
    this.#queue.push(search);
    this.#dispatchSoon();
    return search.answer;
  }

  /** Ends the threads; searches under way are rejected with UNAVAILABLE. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#failQueue();
    await Promise.all(this.#slots.map((slot) => slot.worker?.terminate()));
  }

  #dispatchSoon(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    // After the poll phase: every request that this turn of the event loop reads is in the queue by then.
    setImmediate(() => {
      this.#dispatching = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (const slot of this.#slots) {
      if (!slot.worker || !isFree(slot)) continue;
      this.#queue = this.#queue.filter((search) => search.unsent > 0);
      if (this.#queue.length === 0) return;
      void this.#runBurst(slot, slot.worker);
    }
  }

  /** Gives a free thread its share of the queue: the queries divided by the threads that have not got theirs. */
  async #runBurst(slot: Slot, worker: SearchWorker): Promise<void> {
    const unsent = this.#queue.reduce((sum, search) => sum + search.unsent, 0);
    const free = this.#slots.filter(isFree).length;
    let left = Math.ceil(unsent / free);
    const shares: { search: PendingSearch; firstQuery: number; part: BurstPart; vectors: Float32Array }[] = [];
    for (const search of this.#queue) {
      if (left === 0) break;
      const share = search.take(left);
      left -= share.part.count;
      shares.push({ search, ...share });
    }
    slot.busy = true;
    try {
      const lists = await worker.run({ parts: shares.map(({ part }) => part), vectors: joinVectors(shares) });
      slot.deaths = 0;
      let firstList = 0;
      for (const { search, firstQuery, part } of shares) {
        search.accept(firstQuery, part.count, lists, firstList);
        firstList += part.count;
      }
    } catch (error) {
      for (const { search } of shares) search.fail(error);
    } finally {
      slot.busy = false;
      this.#dispatch();
    }
  }

  #seat(slot: Slot, worker: SearchWorker): void {
    slot.worker = worker;
    void worker.ended.then(() => this.#replace(slot));
  }

  async #replace(slot: Slot): Promise<void> {
    slot.worker = null;
    while (!this.#closed) {
      slot.deaths++;
      if (!isAlive(slot)) {
        if (!this.#slots.some(isAlive)) this.#failQueue();
        return;
      }
      const worker = await SearchWorker.start(this.#setup).catch(() => null);
      if (!worker) continue;
      if (this.#closed) await worker.terminate();
      else this.#seat(slot, worker);
      this.#dispatch();
      return;
    }
  }

  #failQueue(): void {
    for (const search of this.#queue) search.fail(this.#gone());
    this.#queue = [];
  }

  #gone(): MicError {
    return this.#closed
      ? new MicError('UNAVAILABLE', 'the index is closed', { remedy: 'open the release again' })
      : new MicError('UNAVAILABLE', 'every search thread died again and again', { remedy: 'restart the process' });
  }
}

/** True when the slot's thread can be given work. */
function isFree({ worker, busy }: Slot): boolean {
  return worker?.alive === true && !busy;
}

/** True while a thread is in its place or is being started again. */
function isAlive(slot: Slot): boolean {
  return slot.deaths <= MOST_DEATHS;
}

function invalid(subject: string, message: string): MicError {
  return new MicError('INVALID_ARGUMENT', message, { subject });
}

function checkWhole(subject: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw invalid(subject, `${subject} is ${value}; it must be a whole number of at least 1`);
  }
}

function checkLength(subject: string, vectors: Float32Array, count: number, dimension: number): void {
  if (Number.isInteger(count) && count >= 0 && vectors.length === count * dimension) return;
  throw invalid(subject, `${subject} has ${vectors.length} numbers; ${count} x ${dimension} are needed`);
}

function checkVectors(subject: string, vectors: Float32Array, count: number, dimension: number): void {
  checkLength(subject, vectors, count, dimension);
  const bad = firstNonFinite(vectors);
  if (bad >= 0) throw invalid(subject, `${subject} row ${Math.floor(bad / dimension)} has the value ${vectors[bad]}`);
}

function toShared(vectors: Float32Array): Float32Array {
  if (vectors.buffer instanceof SharedArrayBuffer) return vectors;
  const shared = new Float32Array(new SharedArrayBuffer(vectors.byteLength));
  shared.set(vectors);
  return shared;
}

/** The vectors of all shares in memory of their own, which the message may take away. */
function joinVectors(shares: readonly { readonly vectors: Float32Array }[]): Float32Array {
  const joined = new Float32Array(shares.reduce((sum, { vectors }) => sum + vectors.length, 0));
  let at = 0;
  for (const { vectors } of shares) {
    joined.set(vectors, at);
    at += vectors.length;
  }
  return joined;
}
