import { ReleaseServiceService } from '@mic/contracts';
import { MicError } from '@mic/domain';
import { noRelease, releaseApi, type ReleaseState } from '@mic/service-host';
import { describe, expect, it } from 'vitest';
import { rejection, WAYS } from './callers';
import { OPEN } from './internal-rpc';

const { getRelease } = ReleaseServiceService;

describe.each(WAYS)('GetRelease %s', (_way, open) => {
  const ask = async (
    releases: () => Promise<ReleaseState>,
    {
      deadlineMs = 5_000,
      keep,
      inUse = [],
    }: { deadlineMs?: number; keep?: (ids: readonly string[]) => void; inUse?: string[] } = {},
  ) => {
    const caller = await open([releaseApi(() => ({ releases, keep }))]);
    return caller.call(getRelease, { inUseReleaseIds: inUse }, { deadlineMs }).finally(() => caller.close());
  };
  const upToDate = { current: OPEN, open: [OPEN], wanted: OPEN.releaseId, problem: null };

  it('lists what is open, the current one first', async () => {
    const older = { ...OPEN, releaseId: OPEN.parentId as typeof OPEN.releaseId, parentId: null };
    const problem = 'r3 is damaged';
    const state: ReleaseState = { current: OPEN, open: [OPEN, older], wanted: 'r3', problem };
    expect(await ask(() => Promise.resolve(state))).toEqual({
      publishedReleaseId: 'r3',
      problem,
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

  it('has the releases kept that the caller uses, a hundred at most', async () => {
    const kept: (readonly string[])[] = [];
    const keep = (ids: readonly string[]): void => void kept.push(ids);
    const answer = await ask(() => Promise.resolve(upToDate), { keep, inUse: ['r1', 'r2'] });
    expect(answer).toMatchObject({ publishedReleaseId: OPEN.releaseId, problem: '' });
    expect(kept).toEqual([['r1', 'r2']]);
    const tooMany = ask(() => Promise.resolve(upToDate), { keep, inUse: new Array<string>(101).fill('r1') });
    expect(await rejection(tooMany)).toMatchObject({ code: 'INVALID_ARGUMENT', subject: 'in_use_release_ids' });
  });

  it('UNAVAILABLE before a release is open', async () => {
    const empty: ReleaseState = { current: null, open: [], wanted: null, problem: null };
    for (const none of [() => Promise.reject(noRelease()), () => Promise.resolve(empty)]) {
      const error = await rejection(ask(none));
      expect(error.code).toBe('UNAVAILABLE');
      expect(error.remedy).toContain('publish');
    }
  });

  it('DEADLINE_EXCEEDED, and INTERNAL for a defect', async () => {
    expect(await rejection(ask(() => new Promise(() => {}), { deadlineMs: 50 }))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
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
