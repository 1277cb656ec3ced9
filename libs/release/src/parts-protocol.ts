import type { ErrorCode } from '@mic/domain';
import type { ReleasePart } from './layout';
import type { Manifest } from './manifest';
import type { ReadParts } from './release-parts';

/** What the reading thread is started with. */
export interface PartsRequest {
  readonly directory: string;
  readonly parts: readonly ReleasePart[];
  /** Whether others work meanwhile, who are to feel little of it. */
  readonly gently: boolean;
}

/** What it answers. */
export type PartsAnswer =
  | { readonly ok: true; readonly manifest: Manifest; readonly read: ReadParts }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      readonly subject?: string;
      readonly remedy?: string;
    };
