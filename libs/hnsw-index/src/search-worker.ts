import type { Worker } from 'node:worker_threads';
import { MicError } from '@mic/domain';
import { startThread } from '@mic/thread-entry';
import type { Burst, BurstLists, WorkerMessage, WorkerRequest, WorkerSetup } from './worker-protocol';

/** A burst that takes longer hangs. */
const LONGEST_BURST_MS = 30_000;

/** One search thread with an index object of its own; it works on one burst at a time. */
export class SearchWorker {
  readonly #worker: Worker;
  #waiting: { resolve: (lists: BurstLists) => void; reject: (error: MicError) => void } | null = null;
  #failure: unknown;
  #alive = true;
  /** Resolves when the thread has ended, for whatever reason. */
  readonly ended: Promise<void>;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (message: WorkerMessage) => {
      this.#receive(message);
    });
    worker.on('error', (error) => {
      this.#failure = error;
    });
    this.ended = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#alive = false;
        this.#take()?.reject(this.#death('the search thread ended while it was searching'));
        resolve();
      });
    });
  }

  /**
   * Starts a thread and waits until its index is loaded.
   *
   * @throws MicError what the thread found wrong with what it was given; UNAVAILABLE when it does not start.
   */
  static async start(setup: WorkerSetup): Promise<SearchWorker> {
    const options = { name: 'hnsw-search', workerData: setup, priority: 'gentle' } as const;
    const worker = startThread('hnsw-worker', import.meta.url, options);
    const searchWorker = new SearchWorker(worker);
    const first = new Promise<WorkerMessage>((resolve) => worker.once('message', resolve));
    const said = await Promise.race([first, searchWorker.ended]);
    if (said?.type === 'ready') return searchWorker;
    if (said?.type !== 'refused') throw searchWorker.#death('the search thread did not start');
    await searchWorker.terminate();
    const { code, message, subject, remedy } = said;
    throw new MicError(code, message, { subject, remedy });
  }

  /** False once the thread has ended: a message to it would never be answered. */
  get alive(): boolean {
    return this.#alive;
  }

  /** @throws MicError UNAVAILABLE when the thread dies meanwhile, INTERNAL when the library fails. */
  run(burst: Burst): Promise<BurstLists> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.postMessage(burst, [burst.vectors.buffer as ArrayBuffer]);
    });
  }

  /**
   * Ends the thread; a search under way is rejected. The thread is asked to end after its burst: one that is torn out of the
   * library takes the process with it.
   */
  async terminate(): Promise<void> {
    this.#alive = false;
    this.#take()?.reject(this.#death('the search thread ended while it was searching'));
    this.#worker.postMessage('close' satisfies WorkerRequest);
    const late = setTimeout(() => void this.#worker.terminate(), LONGEST_BURST_MS);
    await this.ended;
    clearTimeout(late);
  }

  #receive(message: WorkerMessage): void {
    if (message.type === 'ready' || message.type === 'refused') return;
    const waiting = this.#take();
    if (message.type === 'lists') waiting?.resolve(message.lists);
    else waiting?.reject(new MicError('INTERNAL', `the index search failed: ${message.message}`));
  }

  #take() {
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting;
  }

  #death(what: string): MicError {
    const why = this.#failure instanceof Error ? `: ${this.#failure.message}` : '';
    return new MicError('UNAVAILABLE', what + why, { remedy: 'try again', cause: this.#failure });
  }
}
