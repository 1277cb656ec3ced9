/** How to start a thread. */
export interface ThreadEntry {
  readonly url: URL;
  /** Flags of node for a thread that begins with the program. */
  readonly execArgv: readonly string[];
  /** Modules that a thread which begins with something else has to load before it. */
  readonly preload: readonly string[];
}

/**
 * Where a thread's program is: beside the module that starts it as TypeScript when run from source (tsx compiles it), else
 * the bundle `NAME.mjs` beside the bundle that the module is part of.
 *
 * @param name of the program's file, without its ending.
 * @param moduleUrl `import.meta.url` of a module in the program's folder.
 */
export function threadEntry(name: string, moduleUrl: string): ThreadEntry {
  if (!moduleUrl.endsWith('.ts')) return { url: new URL(`./${name}.mjs`, moduleUrl), execArgv: [], preload: [] };
  const compiler = compilerUrl();
  return { url: new URL(`./${name}.ts`, moduleUrl), execArgv: ['--import', compiler], preload: [compiler] };
}

/** A module that makes a thread compile TypeScript: `--import tsx` alone does so in the main thread only. */
function compilerUrl(): string {
  const api = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  return `data:text/javascript,${encodeURIComponent(`import { register } from ${api}; register();`)}`;
}
