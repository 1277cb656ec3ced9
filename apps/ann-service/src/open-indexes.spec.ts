import { join } from 'node:path';
import { buildHnsw } from '@mic/hnsw-index';
import { RELEASE_FILES, ReleaseWriter } from '@mic/release';
import { describe, expect, it } from 'vitest';
import { SMALL, smallMeta, withTempDir, writeSmallFiles } from '../../../libs/release/src/spec-fixture';
import { config } from './config';
import { openIndexes } from './open-indexes';

/** The small release (users at 0, 90 and 53 degrees), its users exact or in an HNSW index. */
async function writeRelease(releasesDir: string, kind: 'exact' | 'hnsw') {
  const writer = await ReleaseWriter.open(releasesDir);
  await writeSmallFiles(writer);
  if (kind === 'hnsw') {
    await writer.writeThrough(RELEASE_FILES.userIndex, (path) =>
      buildHnsw({ vectors: SMALL.userVectors, count: 3, dimension: 2, path }),
    );
  }
  return writer.finish({ ...smallMeta(), userIndex: smallMeta(kind).index });
}

function open(releases: string, manifest: Awaited<ReturnType<typeof writeRelease>>, env: NodeJS.ProcessEnv = {}) {
  const settings = config.parse({ MIC_STORE: join(releases, 'store'), MIC_RELEASES: releases, ...env });
  const pointer = { releaseId: manifest.id as never, manifestSha256: manifest.manifestSha256, movedAtMs: 0 };
  return openIndexes(settings, pointer, false, new AbortController().signal);
}

const options = { signal: new AbortController().signal, requestId: 'spec' };

describe('openIndexes', () => {
  it.each(['exact', 'hnsw'] as const)('opens items and users, those in an index of kind %s', (kind) =>
    withTempDir(async (releases) => {
      const { value, summary, close } = await open(releases, await writeRelease(releases, kind));
      const { items, users } = value;
      const { releaseId } = summary;
      const query = { releaseId, count: 1, vectors: Float32Array.of(0, 1), k: 2 };
      expect([...(await items.search(query, options)).rows]).toEqual([2, 1]);
      expect([...(await users!.index.searchUsers(query, options)).rows]).toEqual([1, 2]);
      const byUsers = { releaseId, userRows: Uint32Array.of(1, 0), k: 1 };
      expect([...(await users!.index.searchByUsers(byUsers, options)).rows]).toEqual([2, 0]);
      expect([...users!.vectors]).toEqual([...SMALL.userVectors]);
      await close();
      await expect(users!.index.searchUsers(query, options)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await expect(items.search(query, options)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }),
  );

  it('leaves the users alone where MIC_USER_INDEX is false', () =>
    withTempDir(async (releases) => {
      const { value, close } = await open(releases, await writeRelease(releases, 'hnsw'), { MIC_USER_INDEX: 'false' });
      expect(value.users).toBeNull();
      await close();
    }));

  it('takes true and false, and nothing else, for MIC_USER_INDEX', () => {
    const env = { MIC_STORE: 'store', MIC_RELEASES: 'releases' };
    expect(config.parse(env).MIC_USER_INDEX).toBe(true);
    expect(() => config.parse({ ...env, MIC_USER_INDEX: 'yes' })).toThrow(/MIC_USER_INDEX/);
  });
});
