import { ReleaseServiceService } from '@mic/contracts';
import { MicError } from '@mic/domain';
import { noRelease, releaseApi } from '@mic/service-host';
import { describe, expect, it } from 'vitest';
import { rejection, WAYS } from './callers';
import { OPEN } from './internal-rpc';

const { getRelease } = ReleaseServiceService;

describe.each(WAYS)('GetRelease %s', (_way, open) => {
  const ask = async (releases: Parameters<typeof releaseApi>[0], deadlineMs = 5_000) => {
    const caller = await open([releaseApi(releases)]);
    return caller.call(getRelease, {}, { deadlineMs }).finally(() => caller.close());
  };

  it('lists what is open, the current one first', async () => {
    const older = { ...OPEN, releaseId: OPEN.parentId as typeof OPEN.releaseId, parentId: null };
    expect(await ask(() => Promise.resolve([OPEN, older]))).toEqual({
      currentReleaseId: 'r20240102030405-0badcafe',
      releases: [
        {
          releaseId: 'r20240102030405-0badcafe',
          manifestSha256: 'a'.repeat(64),
          parentReleaseId: 'r20240101030405-0badcafe',
          createdAt: '2024-01-02T03:04:05.000Z',
          encoder: 'pooled',
          dimension: 2,
          featureSchemaSha256: 'b'.repeat(64),
          users: 3,
          items: 6,
        },
        expect.objectContaining({ releaseId: 'r20240101030405-0badcafe', parentReleaseId: '' }),
      ],
    });
  });

  it('UNAVAILABLE before a release is open', async () => {
    for (const none of [() => Promise.reject(noRelease()), () => Promise.resolve([])]) {
      const error = await rejection(ask(none));
      expect(error.code).toBe('UNAVAILABLE');
      expect(error.remedy).toContain('publish');
    }
  });

  it('DEADLINE_EXCEEDED, and INTERNAL for a defect', async () => {
    expect(await rejection(ask(() => new Promise(() => {}), 50))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const defect = await rejection(ask(() => Promise.reject(new TypeError('secret'))));
    expect(defect).toMatchObject({ code: 'INTERNAL', message: 'internal error' });
  });

  it('the store behind it may say why', async () => {
    const down = new MicError('UNAVAILABLE', 'the store does not answer', { remedy: 'start it' });
    expect(await rejection(ask(() => Promise.reject(down)))).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'the store does not answer',
      remedy: 'start it',
    });
  });
});
