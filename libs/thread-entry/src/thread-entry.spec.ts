import { describe, expect, it } from 'vitest';
import { threadEntry } from './thread-entry';

describe('threadEntry', () => {
  it('compiles the source beside a source, and runs the bundle beside a bundle', () => {
    const source = threadEntry('hnsw-worker', 'file:///repo/libs/hnsw-index/src/search-worker.ts');
    expect(source.url.href).toBe('file:///repo/libs/hnsw-index/src/hnsw-worker.ts');
    expect(source.execArgv[0]).toBe('--import');
    expect(source.execArgv[1]).toMatch(/tsx/);
    const bundle = threadEntry('hnsw-worker', 'file:///srv/app/dist/main.mjs');
    expect(bundle).toEqual({ url: new URL('file:///srv/app/dist/hnsw-worker.mjs'), execArgv: [], preload: [] });
  });
});
