import type { TowerModel } from '@mic/training';

/** Protocol of towers of which nobody says what they have seen. */
export const UNKNOWN_PROTOCOL = 'unknown';

/** What a release says of the model that it was built from, and what its build needs of it. */
export interface ReleaseModelInfo {
  /** Name of the encoder; what a signature file says of towers that were trained elsewhere. */
  readonly encoder: string;
  /** Name of the dataset. */
  readonly dataset: string;
  /** What training has not seen, e.g. `leave-one-out`, or UNKNOWN_PROTOCOL. */
  readonly protocol: string;
  /** sha256 of the events that training could see (see loadSplit); null where nobody says. */
  readonly seenSha256: string | null;
  /** Seed of samples. */
  readonly seed: number;
  readonly config: { readonly data: { readonly historyCap: number; readonly coldItems: number } };
}

/** A model as a release build takes it: trained here (TrainedModel), or elsewhere. */
export interface ReleaseModel extends TowerModel {
  readonly info: ReleaseModelInfo;
}
