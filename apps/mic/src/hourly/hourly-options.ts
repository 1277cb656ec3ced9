import type { BuildConfig } from '@mic/release-build';
import type { EncoderName } from '@mic/training';
import type { Home } from '../home';
import type { StoreLimits } from '../store-limits';
import type { HourlySources } from './new-data';

/** What an hourly run is asked for. */
export interface HourlyOptions {
  readonly home: Home;
  /** Address of the store. */
  readonly store: string;
  /** What the servers of this store were told. */
  readonly limits: StoreLimits;
  /** Dataset folder that the first run begins with; later ones go on from its successors. */
  readonly data: string | null;
  readonly sources: HourlySources;
  /** Knobs of training, `name=value`. */
  readonly trainSettings: readonly string[];
  readonly encoder: EncoderName | undefined;
  readonly seed: number;
  readonly buildConfig: BuildConfig;
  /** Events older than the newest one by more are left out, milliseconds. */
  readonly windowMs: number | undefined;
  /** Releases that stay in the store. */
  readonly keep: number;
  /** Train from nothing. */
  readonly cold: boolean;
  /** Run although nothing is new. */
  readonly force: boolean;
  /** Keep the segments that were taken. */
  readonly keepLog: boolean;
}
