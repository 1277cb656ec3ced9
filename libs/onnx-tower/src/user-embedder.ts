import { MicError, NO_ROW, type ReleaseId } from '@mic/domain';
import type { TowerSignature } from '@mic/features';
import type { CallOptions, UserEmbedder, UserTowerInput, UserVectors } from '@mic/recall';
import { checkTower } from './check-tower';
import { listedFeeds } from './feeds';
import { MicroBatcher } from './micro-batcher';
import { finishVectors } from './finish-vectors';
import type { ModelSession } from './session';
import { SessionThread } from './session-thread';

export interface OnnxUserEmbedderOptions {
  readonly releaseId: ReleaseId;
  readonly signature: TowerSignature;
  /** ONNX model that meets the signature; its memory changes hands. */
  readonly model: Uint8Array;
}

const OUTPUT = 'user_vectors';

/** Requests of one model run; beyond it a batch no longer gets cheaper per user. */
const LARGEST_BATCH = 64;

/** The user tower of one release in this process; calls of one turn of the event loop share a model run. */
export class OnnxUserEmbedder implements UserEmbedder {
  readonly #releaseId: ReleaseId;
  readonly #signature: TowerSignature;
  readonly #session: ModelSession;
  readonly #batcher: MicroBatcher<UserTowerInput, UserVectors | MicError>;
  /** Towers take histories of the longest length, or (where the signature says so) of any length up to it. */
  readonly #anyHistoryLength: boolean;

  private constructor(releaseId: ReleaseId, signature: TowerSignature, session: ModelSession) {
    this.#releaseId = releaseId;
    this.#signature = signature;
    this.#session = session;
    this.#anyHistoryLength = typeof signature.userTower.inputs.history?.shape[1] === 'string';
    this.#batcher = new MicroBatcher((inputs) => this.#run(inputs), LARGEST_BATCH);
  }

  /** @throws MicError FAILED_PRECONDITION when the model is none, or its inputs and outputs are not the signature's. */
  static async open({ releaseId, signature, model }: OnnxUserEmbedderOptions): Promise<OnnxUserEmbedder> {
    const session = await SessionThread.open(model, `the user tower of release ${releaseId}`);
    try {
      checkTower(session, 'user', signature);
    } catch (error) {
      await session.close();
      throw error;
    }
    return new OnnxUserEmbedder(releaseId, signature, session);
  }

  async embed(releaseId: ReleaseId, input: UserTowerInput, { signal }: CallOptions): Promise<UserVectors> {
    if (releaseId !== this.#releaseId) {
      throw new MicError('FAILED_PRECONDITION', `release ${releaseId} is not open here, ${this.#releaseId} is`, {
        subject: 'release_id',
        remedy: 'ask for the release that is served',
      });
    }
    const { idDimension, profileWidth } = this.#signature;
    checkLength('userRow', input.userRow, idDimension);
    checkLength('profile', input.profile, profileWidth);
    const found = await this.#batcher.submit(input, signal);
    if (found instanceof MicError) throw found;
    return found;
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  /** Vectors of each user, or what is wrong with them: what a tower gives for one must not fail the others of the batch. */
  async #run(inputs: readonly UserTowerInput[]): Promise<(UserVectors | MicError)[]> {
    const { idDimension, profileWidth, longestHistory, vectorsPerUser, dimension, maskedUserRow } = this.#signature;
    const size = inputs.length;
    const longestInput = inputs.reduce((longest, { historyRows }) => Math.max(longest, historyRows.length), 1);
    const length = this.#anyHistoryLength ? Math.min(longestHistory, longestInput) : longestHistory;
    const userRows = new Float32Array(size * idDimension);
    const profiles = new BigInt64Array(size * profileWidth);
    const histories = new BigInt64Array(size * length);
    inputs.forEach(({ userRow, profile, historyRows }, i) => {
      userRows.set(userRow ?? maskedUserRow, i * idDimension);
      profile?.forEach((code, p) => (profiles[i * profileWidth + p] = BigInt(code)));
      let at = i * length;
      for (let age = 0; age < historyRows.length && at < (i + 1) * length; age++) {
        const row = historyRows[age]!;
        if (row !== NO_ROW) histories[at++] = BigInt(row + 1);
      }
    });
    const feeds = {
      user_row: { data: userRows, dims: [size, idDimension] },
      profile: { data: profiles, dims: [size, profileWidth] },
      history: { data: histories, dims: [size, length] },
    };
    const result = await this.#session.run(listedFeeds(feeds, this.#signature.userTower), [OUTPUT]);
    const vectors = result[OUTPUT]!.data as Float32Array;
    const failed = (problem: string): MicError =>
      new MicError('INTERNAL', `the user tower of release ${this.#releaseId} ${problem}`);
    const width = vectorsPerUser * dimension;
    if (vectors.length !== size * width) throw failed(`gave ${vectors.length} values, not ${size * width}`);
    return inputs.map((_, i) => {
      const own = vectors.slice(i * width, (i + 1) * width);
      const problem = finishVectors(own, vectorsPerUser, this.#signature);
      return problem === null ? { count: vectorsPerUser, vectors: own } : failed(problem);
    });
  }
}

function checkLength(what: string, values: { readonly length: number } | null, expected: number): void {
  if (values !== null && values.length !== expected) {
    throw new MicError('INVALID_ARGUMENT', `${what} has ${values.length} numbers, the tower takes ${expected}`, {
      subject: what,
    });
  }
}
