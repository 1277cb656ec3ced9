import type { OnnxInterface, OnnxValue } from './session';

/** What a model's thread is started with. */
export interface SessionSetup {
  readonly model: Uint8Array;
  readonly name: string;
}

/** What the model declares, by name. */
export type Interfaces = Readonly<Record<string, OnnxInterface | null>>;

/** One run; the thread ends after `close`. */
export type SessionRequest =
  | { readonly id: number; readonly feeds: Readonly<Record<string, OnnxValue>>; readonly fetch?: readonly string[] }
  | 'close';

/** What the thread says: what it has opened, or why it has not; then an answer to each run, in any order. */
export type SessionMessage =
  | { readonly type: 'ready'; readonly inputs: Interfaces; readonly outputs: Interfaces }
  | { readonly type: 'refused'; readonly message: string; readonly remedy?: string }
  | { readonly type: 'results'; readonly id: number; readonly results: Record<string, OnnxValue> }
  | { readonly type: 'error'; readonly id: number; readonly message: string };
