import { MicError, type ScoredLists } from '@mic/domain';
import type { CallOptions, ItemIndex, SearchByUsersRequest, SearchRequest, UserIndex } from '@mic/recall';
import { vectorsOfRows } from './vectors-of-rows';
import { WorkerItemIndex, type WorkerItemIndexOptions } from './worker-item-index';

export interface WorkerUserIndexOptions extends Omit<WorkerItemIndexOptions, 'workers'> {
  /** The items of the same release: what searchByUsers searches. It stays the caller's to close. */
  readonly items: ItemIndex;
}

/** Few requests search users, and each thread takes the memory of an index. */
const USER_SEARCH_THREADS = 1;

/** The user vectors of a release in this process, with an index of their own in one thread. */
export class WorkerUserIndex implements UserIndex {
  readonly #users: WorkerItemIndex;
  readonly #items: ItemIndex;
  readonly #vectors: Float32Array;
  readonly #count: number;
  readonly #dimension: number;

  private constructor(users: WorkerItemIndex, { items, vectors, count, dimension }: WorkerUserIndexOptions) {
    this.#users = users;
    this.#items = items;
    this.#vectors = vectors;
    this.#count = count;
    this.#dimension = dimension;
  }

  /** @param options vectors, kind and file of the users. @throws MicError as WorkerItemIndex.open. */
  static async open(options: WorkerUserIndexOptions): Promise<WorkerUserIndex> {
    const users = await WorkerItemIndex.open({ ...options, workers: USER_SEARCH_THREADS });
    return new WorkerUserIndex(users, options);
  }

  /** @throws MicError as WorkerItemIndex.search. */
  searchUsers(request: SearchRequest, options: CallOptions): Promise<ScoredLists> {
    return this.#users.search(request, options);
  }

  /** @throws MicError INVALID_ARGUMENT on a row that there is not, before anything is searched; else as WorkerItemIndex.search. */
  async searchByUsers({ userRows, ...request }: SearchByUsersRequest, options: CallOptions): Promise<ScoredLists> {
    const beyond = userRows.findIndex((row) => row >= this.#count);
    if (beyond >= 0) {
      throw new MicError(
        'INVALID_ARGUMENT',
        `user row ${userRows[beyond]} is not there: the release has ${this.#count}`,
        {
          subject: 'userRows',
          remedy: 'ask with rows of the release that is named',
        },
      );
    }
    const vectors = vectorsOfRows(this.#vectors, this.#dimension, userRows);
    return this.#items.search({ ...request, count: userRows.length, vectors }, options);
  }

  /** Ends the thread; the items stay open. */
  close(): Promise<void> {
    return this.#users.close();
  }
}
