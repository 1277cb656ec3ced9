import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecallResponse } from '@mic/contracts';
import { openDataset } from '@mic/dataset';
import { RELEASE_FILES, type Manifest } from '@mic/release';
import type { ReleaseDiff } from '@mic/release-build';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeForeignTowers, type ForeignTowers } from '../python/foreign-towers';
import { lastJson, mic, serve, up } from './processes';
import { succeed } from './small-home';

let home: string;
let data: string;
let towers: Record<'gru' | 'mean' | 'broken', ForeignTowers>;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'mic-e2e-'));
  data = join(home, 'datasets/small');
  await succeed('data', 'synth', '--users', '300', '--items', '200', '--events', '6000', '--seed', '1', '--out', data);
  await succeed('history', 'import', '--data', data, '--home', home);
  const dataset = await openDataset(data);
  towers = {
    gru: await writeForeignTowers('gru', dataset, join(home, 'towers/gru')),
    mean: await writeForeignTowers('mean', dataset, join(home, 'towers/mean')),
    broken: await writeForeignTowers('mean', dataset, join(home, 'towers/broken'), 'NaN without history'),
  };
  await dataset.close();
});
afterAll(() => rm(home, { recursive: true, force: true }));

const filesOf = ({ userTower, itemTower, signature }: Omit<ForeignTowers, 'folder'>): string[] => [
  ...['--user-tower', userTower],
  ...['--item-tower', itemTower],
  ...['--signature', signature],
];
const build = (files: Omit<ForeignTowers, 'folder'>, ...flags: string[]) =>
  mic('build', ...filesOf(files), '--data', data, '--home', home, ...flags);

/** Builds a release without a parent and gives its manifest. */
async function built(files: Omit<ForeignTowers, 'folder'>, ...flags: string[]): Promise<Manifest> {
  const json = join(home, 'report.json');
  const { status, stderr, stdout } = await build(files, '--parent', 'none', '--json', json, ...flags);
  expect([status, stdout.includes('gate: passed')], stderr + stdout).toEqual([0, true]);
  return JSON.parse(await readFile(json, 'utf8')) as Manifest;
}

/** What a request of a user is answered. */
async function recallOf(user: string, ...flags: string[]): Promise<RecallResponse> {
  const { stdout, stderr } = await mic('recall', '--user', user, '-n', '20', '--json', ...flags);
  if (stdout === '') throw new Error(stderr);
  return lastJson<RecallResponse>(stdout);
}

function expectAllChannels(response: RecallResponse, release: string): void {
  expect(response).toMatchObject({ releaseId: release, degraded: false, basicScore: 'BASIC_SCORE_USER_VECTOR' });
  const outcomes = response.channels.map(({ outcome }) => outcome.replace('OUTCOME_', ''));
  expect(outcomes).toEqual(['OK', 'OK', 'OK', 'DISABLED']);
  expect(response.items).toHaveLength(20);
  const similarities = response.items.flatMap(({ sources }) =>
    sources.filter(({ channel }) => String(channel) === 'CHANNEL_U2I').map(({ score }) => score),
  );
  // Those of unit vectors; those of vectors of any length are several times as large.
  expect(similarities.length).toBeGreaterThan(0);
  for (const similarity of similarities) expect(Math.abs(similarity)).toBeLessThanOrEqual(1.0001);
}

describe('towers that python3-onnx wrote', () => {
  it('are built, published and served: a GRU over histories of any length', async () => {
    const manifest = await built(towers.gru);
    expect(manifest).toMatchObject({
      encoder: 'gru of another team',
      dimension: 16,
      counts: { users: 300, items: 200 },
      quality: { protocol: 'none', users: 0, metrics: {} },
      training: { source: 'external', protocol: 'unknown', seenSha256: null },
    });
    await succeed('publish', '--home', home, '--release', manifest.id);
    const server = await serve(home);
    try {
      expectAllChannels(await recallOf('user-00007', '--target', server.address), manifest.id);
      const stranger = await recallOf('a stranger', '--target', server.address);
      expect(stranger).toMatchObject({ userKnown: false, degraded: false });
      expect(stranger.items).toHaveLength(20);
    } finally {
      await server.stop();
    }
  }, 120_000);

  it('are served by the four services: no id rows of users, vectors of any length', async () => {
    const manifest = await built(towers.mean);
    await succeed('publish', '--home', home, '--release', manifest.id);
    const fleet = await up(home);
    try {
      expectAllChannels(await recallOf('user-00007', '--home', home), manifest.id);
      expect((await recallOf('a stranger', '--home', home)).items).toHaveLength(20);
    } finally {
      await fleet.stop();
    }
  }, 120_000);

  it('build the same release again from what the release says of itself', async () => {
    const first = await built(towers.mean, '--set', 'u2uLength=7');
    const at = (path: string): string => join(home, 'releases', first.id, path);
    const { userTower, itemTower, towerSignature } = RELEASE_FILES;
    const own = { userTower: at(userTower), itemTower: at(itemTower), signature: at(towerSignature) };
    const second = await built(own, '--set', 'u2uLength=7');
    expect(second.id).not.toBe(first.id);
    expect(second.files).toEqual(first.files);
  }, 120_000);

  it('are compared with the release that is served', async () => {
    const json = join(home, 'report.json');
    const { status } = await build(towers.gru, '--set', 'gate.parent.topOverlap.least=0', '--json', json);
    expect(status).toBe(0);
    const { gate, parent } = JSON.parse(await readFile(json, 'utf8')) as Manifest;
    expect(parent).not.toBeNull();
    const checks = Object.fromEntries(gate.checks.map(({ name, ...check }) => [name, check]));
    expect(checks['parent.hitRate']).toMatchObject({
      value: null,
      note: 'nobody says what the towers have seen: their signature names no training',
    });
    expect(checks['parent.usersLost']!.value).toBe(0);
    expect(checks['parent.topOverlap']!.value).toBeGreaterThan(0);
  }, 120_000);
});

describe('mic build', () => {
  it('refuses towers that do not fit, says how, and writes nothing', async () => {
    const before = await readdir(join(home, 'releases'));
    const { status, stderr } = await build(towers.broken);
    expect(status).toBe(1);
    expect(stderr).toContain(`the towers do not fit ${towers.broken.signature}:
  - user tower, an unknown user without history: user_vectors has NaN
     correct the signature`);
    expect(await readdir(join(home, 'releases'))).toEqual(before);
  });

  it.each([
    ['both', ['--model', 'm', '--signature', 's.json'], /--model and --signature exclude one another/],
    ['two of three', ['--user-tower', 'u.onnx', '--item-tower', 'i.onnx'], /--user-tower and --item-tower needs --signature/],
    ['none', [], /no model to build a release from\s+give --model DIR, or --user-tower FILE/],
  ])('takes a model or three files, not %s', async (_what, flags, message) => {
    const { status, stderr } = await mic('build', '--data', data, '--home', home, ...flags);
    expect([status, message.test(stderr)]).toEqual([2, true]);
  }); // prettier-ignore
});

describe('mic releases', () => {
  it('puts two releases side by side, by id or by folder', async () => {
    const [a, b] = [await built(towers.gru), await built(towers.mean)];
    const table = await succeed('releases', 'diff', a.id, join(home, 'releases', b.id), '--home', home);
    expect(table.stdout).toMatch(/encoder +gru of another team +mean of another team +differs/);
    expect(table.stdout).toMatch(/users +300 +0 +0/);
    expect(table.stdout).not.toContain('\u001b');
    const { stdout } = await succeed('releases', 'diff', a.id, b.id, '--home', home, '--json');
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(lastJson<ReleaseDiff>(stdout)).toMatchObject({
      ...{ a: a.id, b: b.id },
      vocabulary: { items: { inBoth: 200, added: 0, gone: 0 } },
      files: { gone: [] },
    });
  }, 120_000);

  it('refuses what is no release, and still answers to mic release', async () => {
    const missing = await mic('releases', 'diff', 'r1', 'r2', '--home', home);
    expect([missing.status, missing.stderr]).toEqual([
      1,
      expect.stringMatching(/no readable .*r1.*\s+.*mic releases list/),
    ]);
    expect((await mic('releases', 'diff', 'No such', 'r2', '--home', home)).status).toBe(2);
    const lists = [await succeed('release', 'list', '--home', home), await succeed('releases', 'list', '--home', home)];
    expect(lists[0]!.stdout).toBe(lists[1]!.stdout);
  });
});
