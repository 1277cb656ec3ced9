import type { ReleaseId } from '@mic/domain';
import type { CallOptions } from './call-options';

/** The inputs of the user tower for one user. */
export interface UserTowerInput {
  /** The user's trained id embedding (length: the signature's idDimension), or null: unknown user, id masked. */
  readonly userRow: Float32Array | null;
  /** Profile fields as integers in the feature schema's layout, or null: every field masked. */
  readonly profile: Int32Array | null;
  /** Item rows of the release, newest first; longer ones are cut to the signature's longest history. */
  readonly historyRows: Uint32Array;
}

/** One or several unit vectors of one user. */
export interface UserVectors {
  readonly count: number;
  /** count x dimension, row-major. */
  readonly vectors: Float32Array;
}

/** The user tower. */
export interface UserEmbedder {
  embed(releaseId: ReleaseId, input: UserTowerInput, options: CallOptions): Promise<UserVectors>;
}

/** The item tower. */
export interface ItemEmbedder {
  /**
   * Vectors of items that the release does not know.
   * @param fields integers in the feature schema's layout, one array for each item.
   * @returns items x dimension, row-major, unit vectors.
   */
  embedItems(releaseId: ReleaseId, fields: readonly Int32Array[], options: CallOptions): Promise<Float32Array>;
}
