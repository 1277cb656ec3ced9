import { cp, mkdtemp, readFile, rename, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  GetReleaseRequest,
  RecallRequest,
  RecallServiceClient,
  ReleaseServiceClient,
  type GetReleaseResponse,
  type RecallResponse,
} from '@mic/contracts';
import { checkHealth, createClient, RELEASE_HEALTH, unary } from '@mic/rpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mic, serve, up, type Served, type ServiceName, type Up } from './processes';
import { addRelease, makeSmallHome, patientProfiles, succeed, type SmallHome } from './small-home';

const READERS: ServiceName[] = ['recall-gateway', 'user-embedder', 'ann-service'];
/** Polls of a second, a release that lingers for ten, and a busy machine. */
const SWAPPED = { timeout: 40_000, interval: 100 };

let small: SmallHome;
let running: Up;
let client: RecallServiceClient;
/** A home of its own for releases that are to come, over the same store. */
let builder: string;
let second: string;

beforeAll(async () => {
  small = await makeSmallHome();
  running = await up(small.home, ...(await patientProfiles(small.home)));
  client = createClient(RecallServiceClient, running.services['recall-gateway'].address);
  builder = await mkdtemp(join(tmpdir(), 'mic-builder-'));
  second = await addRelease(builder, 2);
}, 120_000);
afterAll(async () => {
  client.close();
  await running.stop('SIGKILL');
  await rm(small.home, { recursive: true, force: true });
  await rm(builder, { recursive: true, force: true });
});

const patient = (request: Parameters<typeof RecallRequest.fromPartial>[0]) =>
  RecallRequest.fromPartial({ profile: 'patient', ...request });
const recall = (request: Parameters<typeof RecallRequest.fromPartial>[0] = {}): Promise<RecallResponse> =>
  unary(client, 'recall', patient({ userId: small.userIds[0], ...request }), { deadlineMs: 20_000 });

async function releasesOf(name: ServiceName): Promise<GetReleaseResponse> {
  const releases = createClient(ReleaseServiceClient, running.services[name].address);
  try {
    return await unary(releases, 'getRelease', GetReleaseRequest.fromPartial({}), { deadlineMs: 2_000 });
  } finally {
    releases.close();
  }
}
const openIn = async (name: ServiceName): Promise<string[]> =>
  (await releasesOf(name)).releases.map(({ releaseId }) => releaseId);
const healthOf = (name: ServiceName) => checkHealth(running.services[name].address, RELEASE_HEALTH, 2_000);
const store = (): string => join(small.home, 'store');
const publishSecond = () => succeed('publish', '--home', builder, '--store', store(), '--release', second);
const folderOf = (id: string, home = small.home): string => join(home, 'releases', id);

/** Calls without a pause until something is over. */
async function recallUntil(over: Promise<unknown>): Promise<RecallResponse[]> {
  const state = { over: false };
  void over.finally(() => (state.over = true));
  const answers: RecallResponse[] = [];
  for (let i = 0; !state.over; i++) answers.push(await recall({ userId: small.userIds[i % 50], n: 10 }));
  await over;
  return answers;
}

describe('a release that is published while services run', () => {
  it(
    'is not taken while its folder is not there, or damaged: all stay on the old one and say so',
    { timeout: 150_000 },
    async () => {
      await publishSecond();
      await expect.poll(() => healthOf('ann-service'), SWAPPED).toBe('NOT_SERVING');
      for (const name of READERS) {
        await expect
          .poll(() => releasesOf(name), SWAPPED)
          .toMatchObject({
            currentReleaseId: small.releaseId,
            publishedReleaseId: second,
            problem: expect.stringContaining(second),
          });
        expect(await checkHealth(running.services[name].address, '', 2_000)).toBe('SERVING');
      }
      await cp(folderOf(second, builder), `${folderOf(second)}.coming`, { recursive: true });
      const vectors = join(`${folderOf(second)}.coming`, 'items/vectors.f32');
      await truncate(vectors, (await readFile(vectors)).length - 4);
      await rename(`${folderOf(second)}.coming`, folderOf(second));
      for (const name of READERS) {
        await expect.poll(async () => (await releasesOf(name)).problem, SWAPPED).toMatch(/items\/vectors\.f32 \(size/);
      }
      expect(running.log()).toMatch(/release could not be opened/);
      expect(await recall()).toMatchObject({ releaseId: small.releaseId, degraded: false });
    },
  );

  it('is not taken by the gateway while one service does not have it', async () => {
    // The ann-service alone misses its file from now on: the towers and the catalogue are read by then.
    const folder = folderOf(second);
    await rm(folder, { recursive: true });
    await cp(folderOf(second, builder), `${folder}.coming`, { recursive: true });
    const annStopped = running.services['ann-service'].pid;
    process.kill(annStopped, 'SIGSTOP');
    await rename(`${folder}.coming`, folder);
    // A service that does not answer has no vote: the gateway moves on without it, and its channel is late and named.
    await expect.poll(() => openIn('user-embedder'), SWAPPED).toContain(second);
    await expect.poll(async () => (await recall({ profile: 'default' })).releaseId, SWAPPED).toBe(second);
    expect((await recall({ profile: 'default' })).degraded).toBe(true);
    process.kill(annStopped, 'SIGCONT');
    await expect.poll(async () => (await recall()).degraded, SWAPPED).toBe(false);
    expect((await recall()).releaseId).toBe(second);
    for (const name of READERS) await expect.poll(() => healthOf(name), SWAPPED).toBe('SERVING');
    for (const name of READERS) await expect.poll(() => openIn(name), SWAPPED).toEqual([second]);
  });

  it('is swapped in under load: no answer fails, is degraded or late, and each is of one release', async () => {
    const back = succeed('rollback', '--home', small.home, '--json');
    const settled = back.then(() => expect.poll(() => openIn('ann-service'), SWAPPED).toEqual([small.releaseId]));
    const answers = await recallUntil(settled);
    const ids = answers.map(({ releaseId }) => releaseId);
    expect(new Set(ids)).toEqual(new Set([second, small.releaseId]));
    // Once over, never back.
    expect(ids.lastIndexOf(second)).toBeLessThan(ids.indexOf(small.releaseId));
    expect(answers.filter(({ degraded }) => degraded)).toEqual([]);
    expect(answers.every(({ items }) => items.length === 10)).toBe(true);
    for (const name of READERS) await expect.poll(() => openIn(name), SWAPPED).toEqual([small.releaseId]);
  });

  it('answers calls pinned to either release while both are open', async () => {
    await publishSecond();
    await expect.poll(async () => (await recall()).releaseId, SWAPPED).toBe(second);
    expect(await recall({ releaseId: small.releaseId })).toMatchObject({ releaseId: small.releaseId, degraded: false });
    expect(await recall({ releaseId: second })).toMatchObject({ releaseId: second, degraded: false });
    await expect.poll(() => openIn('recall-gateway'), SWAPPED).toEqual([second]);
    await expect(recall({ releaseId: small.releaseId })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: `release ${small.releaseId} is not open here, ${second} is`,
    });
  });
});

describe('one process', () => {
  let one: Served;
  afterAll(() => one.stop('SIGKILL'));

  it('swaps under load as well', async () => {
    one = await serve(small.home, ...(await patientProfiles(small.home)));
    expect(one.releaseId).toBe(second);
    const alone = createClient(RecallServiceClient, one.address);
    const ask = (i: number) =>
      unary(alone, 'recall', patient({ userId: small.userIds[i % 50] }), { deadlineMs: 20_000 });
    await mic('rollback', '--home', small.home);
    const ids: string[] = [];
    for (let i = 0; ids.at(-1) !== small.releaseId; i++) {
      const answer = await ask(i);
      expect(answer.degraded).toBe(false);
      ids.push(answer.releaseId);
    }
    expect(new Set(ids)).toEqual(new Set([second, small.releaseId]));
    alone.close();
  });
});
