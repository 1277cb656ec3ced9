import { MicError, parseReleaseId } from '@mic/domain';
import type { ReleasePointer, ReleaseSummary } from '@mic/recall';
import { beforeEach, describe, expect, it } from 'vitest';
import { OpenReleases, type OpenedRelease, type ReleaseEvent, type ReleaseOpener } from './open-releases';

const pointerTo = (id: string, content = 'a'): ReleasePointer => ({
  releaseId: parseReleaseId(id),
  manifestSha256: content.repeat(64),
  movedAtMs: 0,
});
const summaryOf = ({ releaseId, manifestSha256 }: ReleasePointer): ReleaseSummary => ({
  releaseId,
  manifestSha256,
  parentId: null,
  createdAt: '2024-01-02T03:04:05.000Z',
  encoder: 'pooled',
  dimension: 2,
  featureSchemaSha256: 'b'.repeat(64),
  users: 1,
  items: 1,
});
const [R1, R2, R3] = [pointerTo('r1'), pointerTo('r2'), pointerTo('r3')];
const LINGER_MS = 100;

let now: number;
let opened: string[];
let closed: string[];
let events: ReleaseEvent[];
/** Releases that cannot be opened, with what is wrong with them. */
let damaged: Map<string, MicError>;
let hindrance: string | null;
beforeEach(() => {
  now = 0;
  [opened, closed, events] = [[], [], []];
  damaged = new Map();
  hindrance = null;
});

function releases(more: Partial<ReleaseOpener<string>> = {}, most = 2): OpenReleases<string> {
  const open = (pointer: ReleasePointer): Promise<OpenedRelease<string>> => {
    const id = pointer.releaseId;
    const problem = damaged.get(id);
    if (problem) return Promise.reject(problem);
    opened.push(id);
    const close = (): Promise<void> => {
      closed.push(id);
      return Promise.resolve();
    };
    return Promise.resolve({ summary: summaryOf(pointer), value: `value of ${id}`, close });
  };
  const opener = { open, hindrance: () => Promise.resolve(hindrance), ...more };
  return new OpenReleases(opener, { most, lingerMs: LINGER_MS, clock: () => now, onEvent: (e) => events.push(e) });
}

const openIds = (all: OpenReleases<string>): string[] => all.state().open.map(({ releaseId }) => releaseId);
const valueOf = (all: OpenReleases<string>, releaseId?: string): Promise<string> =>
  all.use(releaseId === undefined ? undefined : { releaseId }, (value) => Promise.resolve(value));

describe('OpenReleases', () => {
  it('has nothing to answer from before it follows a pointer, and says so', async () => {
    const all = releases();
    await expect(valueOf(all)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(all.state()).toEqual({ current: null, open: [], wanted: null, problem: null });
  });

  it('opens what is published, answers from it, and refuses another release or other content by name', async () => {
    const all = releases();
    await all.follow(R1);
    expect(await valueOf(all)).toBe('value of r1');
    expect(await valueOf(all, 'r1')).toBe('value of r1');
    await expect(valueOf(all, 'r2')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'release r2 is not open here, r1 is',
    });
    const other = all.use(pointerTo('r1', 'c'), () => Promise.resolve('no'));
    await expect(other).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', subject: 'manifest_sha256' });
    expect(await all.use(R1, () => Promise.resolve('yes'))).toBe('yes');
  });

  it('opens the next release beside the current one; the old one goes when it is not used any more', async () => {
    const all = releases();
    await all.follow(R1);
    let end: () => void = () => undefined;
    const call = all.use(undefined, (value) => new Promise<string>((resolve) => (end = () => { resolve(value); }))); // prettier-ignore
    await all.follow(R2);
    expect([await valueOf(all), openIds(all)]).toEqual(['value of r2', ['r2', 'r1']]);
    expect(await valueOf(all, 'r1')).toBe('value of r1');
    now += 10 * LINGER_MS;
    await all.follow(R2);
    expect(closed).toEqual([]);
    end();
    expect(await call).toBe('value of r1');
    now += LINGER_MS - 1;
    await all.follow(R2);
    expect(closed).toEqual([]);
    now += 1;
    await all.follow(R2);
    expect([closed, openIds(all)]).toEqual([['r1'], ['r2']]);
    await expect(valueOf(all, 'r1')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  it('keeps what others say they use', async () => {
    const all = releases();
    await all.follow(R1);
    await all.follow(R2);
    for (let i = 0; i < 5; i++) {
      now += LINGER_MS - 1;
      all.keep(['r1', 'unknown']);
      await all.follow(R2);
    }
    expect(openIds(all)).toEqual(['r2', 'r1']);
    now += LINGER_MS;
    await all.follow(R2);
    expect(openIds(all)).toEqual(['r2']);
  });

  it('stays on the current release while something hinders the next one, and says what', async () => {
    const all = releases();
    await all.follow(R1);
    hindrance = 'ann-service is not ready';
    await all.follow(R2);
    expect([await valueOf(all), openIds(all)]).toEqual(['value of r1', ['r1', 'r2']]);
    expect(all.state()).toMatchObject({ wanted: 'r2', problem: 'ann-service is not ready' });
    hindrance = null;
    await all.follow(R2);
    expect([await valueOf(all), opened, all.state().problem]).toEqual(['value of r2', ['r1', 'r2'], null]);
  });

  it('stays on the old one when the new one cannot be opened, tries again less and less often, and recovers', async () => {
    const all = releases();
    await all.follow(R1);
    damaged.set('r2', new MicError('DATA_LOSS', 'items/vectors.f32 is cut'));
    const tries: number[] = [];
    for (now = 0; now <= 200_000; now += 1_000) {
      const before = events.length;
      await all.follow(R2);
      if (events.length > before) tries.push(now);
      expect(all.state()).toMatchObject({ wanted: 'r2', problem: 'items/vectors.f32 is cut' });
    }
    expect(tries).toEqual([0, 2_000, 6_000, 14_000, 30_000, 62_000, 122_000, 182_000]);
    expect(await valueOf(all)).toBe('value of r1');
    damaged.clear();
    now = 242_000;
    await all.follow(R2);
    expect([await valueOf(all), all.state().problem]).toEqual(['value of r2', null]);
  });

  it('tries another release at once, whatever became of the one before', async () => {
    const all = releases();
    await all.follow(R1);
    damaged.set('r2', new MicError('DATA_LOSS', 'cut'));
    await all.follow(R2);
    await all.follow(R3);
    expect([await valueOf(all), all.state().problem]).toEqual(['value of r3', null]);
  });

  it('has no more open than it may: the third waits until one is not used, and says for what', async () => {
    const all = releases();
    await all.follow(R1);
    await all.follow(R2);
    await all.follow(R3);
    expect([await valueOf(all), openIds(all)]).toEqual(['value of r2', ['r2', 'r1']]);
    expect(all.state().problem).toMatch(/r1, r2 are still in use.*at most 2/);
    now += LINGER_MS;
    await all.follow(R3);
    expect([await valueOf(all), closed]).toEqual(['value of r3', ['r1']]);
    const three = releases({}, 3);
    for (const pointer of [R1, R2, R3]) await three.follow(pointer);
    expect(openIds(three)).toEqual(['r3', 'r2', 'r1']);
  });

  it('gives up a current release that nobody uses, where callers keep to the one before and a third waits for room', async () => {
    const all = releases();
    await all.follow(R1);
    await all.follow(R2);
    now += LINGER_MS - 1;
    all.keep(['r1']);
    await all.follow(R3);
    expect([await valueOf(all), closed]).toEqual(['value of r2', []]);
    now += LINGER_MS - 1;
    all.keep(['r1']);
    await all.follow(R3);
    expect([await valueOf(all), closed]).toEqual(['value of r2', []]);
    now += LINGER_MS;
    all.keep(['r1']);
    await all.follow(R3);
    expect([await valueOf(all), closed, openIds(all)]).toEqual(['value of r3', ['r2'], ['r3', 'r1']]);
  });

  it('does not go back from a release that has only just become the current one', async () => {
    const all = releases();
    await all.follow(R1);
    hindrance = 'not yet';
    await all.follow(R2);
    hindrance = null;
    now += LINGER_MS;
    await all.follow(R2);
    now += 1;
    await all.follow(R3);
    expect(openIds(all)).toEqual(['r2', 'r1']);
  });

  it('says that it is behind while the published release is being opened', async () => {
    let proceed: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (proceed = resolve));
    const all = releases({ warmUp: ({ value }) => (value === 'value of r2' ? gate : Promise.resolve()) });
    await all.follow(R1);
    const following = all.follow(R2);
    expect(all.state()).toMatchObject({ wanted: 'r2', problem: 'release r2 is being opened' });
    proceed();
    await following;
    expect(all.state().problem).toBeNull();
  });

  it('closes at once what was opened and never used when another release is published over it', async () => {
    const all = releases();
    await all.follow(R1);
    hindrance = 'not yet';
    await all.follow(R2);
    await all.follow(R3);
    expect([closed, openIds(all)]).toEqual([['r2'], ['r1', 'r3']]);
  });

  it('goes back to a release that is still open without opening it again', async () => {
    const all = releases();
    await all.follow(R1);
    await all.follow(R2);
    await all.follow(R1);
    expect([await valueOf(all), opened]).toEqual(['value of r1', ['r1', 'r2']]);
  });

  it('opens one of other content under the same id as another release', async () => {
    const all = releases();
    await all.follow(R1);
    await all.follow(pointerTo('r1', 'c'));
    expect(opened).toEqual(['r1', 'r1']);
    expect(all.state().current?.manifestSha256).toBe('c'.repeat(64));
  });

  it('serves another release, if there is one, while it could serve none', async () => {
    const all = releases({ alternative: () => Promise.resolve(R1) });
    damaged.set('r2', new MicError('NOT_FOUND', 'no folder'));
    await all.follow(R2);
    expect([await valueOf(all), all.state().problem]).toEqual(['value of r1', 'no folder']);
    damaged.clear();
    now += 2_000;
    await all.follow(R2);
    expect(await valueOf(all)).toBe('value of r2');
  });

  it('opens a predecessor that others may still use, which then lingers as if it had been used', async () => {
    const all = releases();
    await all.follow(R2);
    await all.openToo(R1);
    await all.follow(R2);
    expect(await valueOf(all, 'r1')).toBe('value of r1');
    damaged.set('r0', new MicError('NOT_FOUND', 'gone'));
    now += 2 * LINGER_MS;
    await all.follow(R2);
    await all.openToo(pointerTo('r0'));
    expect(openIds(all)).toEqual(['r2']);
  });

  it('warms a release up before it becomes current, once', async () => {
    const warmed: string[] = [];
    const all = releases({
      warmUp: async ({ value }) => {
        warmed.push(`${value}, while ${await valueOf(all).catch(() => 'nothing')} is served`);
      },
    });
    for (const pointer of [R1, R1, R2, R2]) await all.follow(pointer);
    expect(warmed).toEqual(['value of r1, while nothing is served', 'value of r2, while value of r1 is served']);
  });

  it('closes all at its end, one that is being opened as well', async () => {
    let proceed: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (proceed = resolve));
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const close = (): Promise<void> => {
      closed.push('late');
      return Promise.resolve();
    };
    const all = releases({
      open: async (pointer) => {
        if (pointer === R2) {
          begin();
          await gate;
        }
        return { summary: summaryOf(pointer), value: 'x', close };
      },
    });
    await all.follow(R1);
    const following = all.follow(R2);
    await begun;
    await all.close();
    expect(closed).toEqual(['late']);
    proceed();
    await following;
    expect(closed).toEqual(['late', 'late']);
    const early = releases();
    void early.follow(R1);
    await early.close();
    expect(opened).toEqual([]);
  });

  it('tells what happens', async () => {
    const all = releases();
    await all.follow(R1);
    damaged.set('r2', new MicError('DATA_LOSS', 'cut'));
    await all.follow(R2);
    await all.follow(R3);
    now += LINGER_MS;
    await all.follow(R3);
    expect(events.map((e) => [e.kind, 'release' in e ? e.release.releaseId : e.releaseId])).toEqual([
      ['opened', 'r1'],
      ['current', 'r1'],
      ['failed', 'r2'],
      ['opened', 'r3'],
      ['current', 'r3'],
      ['closed', 'r1'],
    ]);
  });
});
