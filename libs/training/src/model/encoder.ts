import type { Tensor } from '@mic/autodiff';
import type { TrainingConfig } from '../config/training-config';
import type { ModelScope } from './scope';

/** What an encoder reads of a batch of users; B users, L slots. */
export interface EncoderInputs {
  /** float32 [B, L, D]: the history's tokens, oldest first, padded at the front. */
  readonly tokens: Tensor;
  /** float32 [B, L]: 1 where there is a token, 0 where there is padding. The last slot is never padding. */
  readonly present: Tensor;
  /** float32 [B, C]: what else is known of the user (id row, profile fields), or null where nothing is. */
  readonly context: Tensor | null;
}

/**
 * Turns users into vectors. `positions` says what one pass gives: `all`, a vector after every slot, so that a history is
 * trained on at all positions at once; `last`, vectors after the newest event only.
 *
 * An encoder is a file in this folder's `encoders` and a line in `encoders/index.ts`.
 */
export interface Encoder {
  readonly positions: 'all' | 'last';
  /** Vectors of one user. */
  vectorsPerUser(config: TrainingConfig): number;
  /**
   * User vectors, not yet of unit length.
   *
   * @param positions `all` only where the encoder's own `positions` is `all`; `last` always works.
   * @returns float32 [B x L, 1, D] for all (row b L + l: after slot l of user b), [B, vectorsPerUser, D] for last.
   */
  encode(scope: ModelScope, inputs: EncoderInputs, config: TrainingConfig, positions: 'all' | 'last'): Tensor;
}
