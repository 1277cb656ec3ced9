/** How to start the training thread. */
export interface WorkerEntry {
  readonly url: URL;
  /** Flags of node for the thread. */
  readonly execArgv: readonly string[];
}

/**
 * Where the thread's program is: beside this module as TypeScript when run from source (tsx compiles it), else the
 * bundle `training-worker.mjs` beside the bundle that this module is part of.
 *
 * @param moduleUrl `import.meta.url` of a module in this folder.
 */
export function workerEntry(moduleUrl: string): WorkerEntry {
  if (!moduleUrl.endsWith('.ts')) return { url: new URL('./training-worker.mjs', moduleUrl), execArgv: [] };
  return { url: new URL('./training-worker.ts', moduleUrl), execArgv: ['--import', compilerUrl()] };
}

/** A module that makes a thread compile TypeScript: `--import tsx` alone does so in the main thread only. */
function compilerUrl(): string {
  const api = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  return `data:text/javascript,${encodeURIComponent(`import { register } from ${api}; register();`)}`;
}
