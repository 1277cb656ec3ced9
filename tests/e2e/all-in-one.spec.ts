import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  AppendEventsRequest,
  EventServiceClient,
  RecallRequest,
  RecallServiceClient,
  type RecallResponse,
} from '@mic/contracts';
import type { Manifest } from '@mic/release';
import { createClient, unary } from '@mic/rpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lastJson, mic, serve, type Finished, type Served } from './processes';
import { patientProfiles } from './small-home';

interface DemoOutput {
  readonly release: Manifest;
  readonly timingsMs: Record<string, number>;
  readonly recalls: readonly RecallResponse[];
}

const DAMAGE: [string, (file: string) => Promise<void>][] = [
  [
    'a flipped byte',
    async (file) => {
      const bytes = await readFile(file);
      bytes[Math.floor(bytes.length / 2)]! ^= 1;
      await writeFile(file, bytes);
    },
  ],
  ['a cut', async (file) => truncate(file, (await readFile(file)).length - 1)],
  ['a missing file', (file) => rm(file)],
];

describe('one installation, from events to answers', () => {
  let home: string;
  let demo: Finished;
  let output: DemoOutput;
  let server: Served;
  const releaseDir = (): string => join(home, 'releases', output.release.id);

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'mic-e2e-'));
    demo = await mic('demo', '--all-in-one', '--once', '--json', '--home', home);
    if (demo.status !== 0) throw new Error(demo.stderr);
    output = lastJson<DemoOutput>(demo.stdout);
    server = await serve(home);
  }, 170_000);
  afterAll(async () => {
    await server.stop('SIGKILL');
    await rm(home, { recursive: true, force: true });
  });

  const recall = (...flags: string[]) => mic('recall', '--target', server.address, ...flags);
  const recallJson = async (...flags: string[]) => lastJson<RecallResponse>((await recall(...flags, '--json')).stdout);

  describe('mic demo --once --json', () => {
    it('answers three users from all channels of one release', () => {
      const { release, recalls } = output;
      expect(recalls.length).toBeGreaterThanOrEqual(3);
      for (const response of recalls) {
        expect(response).toMatchObject({ releaseId: release.id, userKnown: true, degraded: false, profile: 'default' });
        expect(response.items.length).toBeGreaterThanOrEqual(20);
        expect(response.channels.map(({ channel, outcome }) => [channel, outcome])).toEqual([
          ['CHANNEL_U2I', 'OUTCOME_OK'],
          ['CHANNEL_U2U2I', 'OUTCOME_OK'],
          ['CHANNEL_U2I2I', 'OUTCOME_OK'],
          ['CHANNEL_POPULAR', 'OUTCOME_DISABLED'],
        ]);
        expect(
          response.channels.slice(0, 3).every(({ candidates, elapsedMs }) => candidates > 0 && elapsedMs > 0),
        ).toBe(true);
        expect(response.items.some(({ sources }) => sources.length >= 2)).toBe(true);
      }
    });

    it('measures every list on held-out events, and the model beats popularity and item-kNN', () => {
      const { metrics, users, protocol } = output.release.quality;
      expect([protocol, users]).toEqual(['leave-one-out', 2000]);
      expect(Object.keys(metrics).sort()).toEqual(['itemknn', 'merged', 'popularity', 'u2i', 'u2i2i', 'u2u2i']);
      for (const list of Object.values(metrics)) {
        expect(Object.keys(list)).toEqual(expect.arrayContaining(['HR@10', 'HR@50', 'HR@200', 'NDCG@10']));
      }
      expect(metrics.u2i!['HR@50']!).toBeGreaterThan(metrics.popularity!['HR@50']! + 0.2);
      expect(metrics.u2i!['HR@50']!).toBeGreaterThan(metrics.itemknn!['HR@50']!);
    });

    it('keeps everything under the home', async () => {
      expect((await readdir(home)).sort()).toEqual(['datasets', 'events', 'releases', 'runs', 'store']);
      const manifest = JSON.parse(await readFile(join(releaseDir(), 'manifest.json'), 'utf8')) as Manifest;
      expect(manifest).toEqual(output.release);
      expect(manifest.files.every(({ sha256, bytes }) => /^[0-9a-f]{64}$/.test(sha256) && bytes >= 0)).toBe(true);
    });
  });

  describe('mic recall', () => {
    it('gives what the demo gave, request for request', async () => {
      const [shown] = output.recalls;
      const response = await recallJson('--user', shown!.userId, '-n', '20');
      expect(response.items).toEqual(shown!.items);
      expect(Object.keys(response)).toEqual(
        expect.arrayContaining([
          'userId',
          'userKnown',
          'requestId',
          'releaseId',
          'profile',
          'degraded',
          'items',
          'channels',
        ]),
      );
    });

    it('takes the profile’s number of items without -n', async () => {
      expect((await recallJson('--user', output.recalls[0]!.userId)).items.length).toBe(20);
    });

    it('prints a table without --json', async () => {
      const { status, stdout } = await recall('--user', output.recalls[0]!.userId, '-n', '5');
      expect(status).toBe(0);
      for (const { itemId } of output.recalls[0]!.items.slice(0, 5)) expect(stdout).toContain(itemId);
    });

    it('answers an unknown user from what is known', async () => {
      const response = await recallJson('--user', 'a stranger');
      expect(response).toMatchObject({ userId: 'a stranger', userKnown: false, degraded: false });
      expect(response.items.length).toBe(20);
    });

    it.each([
      ['an empty user id', ['--user', ''], 2, /user_id is empty\s+give 1 to 256 bytes/],
      ['n = 0', ['--user', 'u', '-n', '0'], 2, /n is 0.*\s+give a number of 1 to 1000/],
      ['n = 10 million', ['--user', 'u', '-n', '10000000'], 2, /n is 10000000/],
      ['n that is no number', ['--user', 'u', '-n', 'ten'], 1, /Give a whole number/],
      ['another release', ['--user', 'u', '--release', 'r1'], 1, /release r1 is not open here, r\d+-[0-9a-f]{8} is/],
      ['a deadline of 1 ms', ['--user', 'u', '--timeout-ms', '1'], 1, /[Dd]eadline/],
    ])('%s: fails and says what to do', async (_what, flags, status, message) => {
      const finished = await recall(...flags);
      expect(finished.status).toBe(status);
      expect(finished.stderr).toMatch(message);
      expect(finished.stdout).toBe('');
    });

    it('says what to do when nobody answers', async () => {
      const { status, stderr } = await mic('recall', '--user', 'u', '--target', '127.0.0.1:1');
      expect(status).toBe(1);
      expect(stderr).toMatch(/ECONNREFUSED[\s\S]*check that the service runs/);
    });
  });

  describe('the server', () => {
    it('answers malformed bytes with INVALID_ARGUMENT and goes on', async () => {
      const client = new Client(server.address, credentials.createInsecure());
      const path = RecallServiceClient.service.recall.path;
      const code = await new Promise<number>((resolve) => {
        const raw = (bytes: Buffer): Buffer => bytes;
        const broken = Buffer.from('0affffffff0f', 'hex');
        client.makeUnaryRequest(path, raw, raw, broken, new Metadata(), (error: ServiceError | null) => {
          resolve(error?.code ?? 0);
        });
      });
      client.close();
      expect(code).toBe(3);
      expect((await recallJson('--user', 'u')).items.length).toBeGreaterThan(0);
    });

    it('survives a burst of 1 ms deadlines', async () => {
      const client = createClient(RecallServiceClient, server.address);
      const request = RecallRequest.fromPartial({ userId: output.recalls[0]!.userId });
      const calls = Array.from({ length: 200 }, () =>
        unary(client, 'recall', request, { deadlineMs: 1 }).then(
          () => 'OK',
          (error: { code: string }) => error.code,
        ),
      );
      const codes = new Set(await Promise.all(calls));
      client.close();
      const allowed = ['OK', 'DEADLINE_EXCEEDED', 'CANCELLED', 'RESOURCE_EXHAUSTED'];
      expect([...codes].filter((code) => !allowed.includes(code))).toEqual([]);
      expect((await recallJson('--user', 'u')).degraded).toBe(false);
    });

    it('answers from the fallback where the time has passed and the caller still waits', async () => {
      const client = createClient(RecallServiceClient, server.address);
      const metadata = new Metadata();
      metadata.set('mic-timeout-ms', '0.000');
      const request = RecallRequest.fromPartial({ userId: output.recalls[0]!.userId });
      const answer = await new Promise<RecallResponse>((resolve, reject) => {
        client.recall(request, metadata, { deadline: Date.now() + 5_000 }, (error, response) => {
          if (error) reject(error);
          else resolve(response);
        });
      });
      client.close();
      expect(answer.degraded).toBe(true);
      expect(answer.channels.map(({ outcome }) => outcome)).toEqual([
        'OUTCOME_SHED',
        'OUTCOME_SHED',
        'OUTCOME_SHED',
        'OUTCOME_OK',
      ]);
      expect(answer.items.length).toBeGreaterThanOrEqual(20);
    });

    it('counts an appended event in the next request, once', async () => {
      const { userId } = output.recalls[1]!;
      const before = await recallJson('--user', userId);
      const itemId = before.items[0]!.itemId;
      const client = createClient(EventServiceClient, server.address);
      const events = AppendEventsRequest.fromPartial({ events: [{ userId, itemId, timeMs: Date.now(), weight: 1 }] });
      const append = () => unary(client, 'appendEvents', events, { deadlineMs: 5_000 });
      expect(await append()).toMatchObject({ accepted: 1, duplicates: 0 });
      expect(await append()).toMatchObject({ accepted: 0, duplicates: 1 });
      client.close();
      const after = await recallJson('--user', userId, '-n', '200');
      expect(after.items.map((item) => item.itemId)).not.toContain(itemId);
      const triggers = after.items.flatMap(({ sources }) => sources.map(({ trigger }) => trigger));
      expect(triggers).toContain(itemId);
    });

    it('drains on SIGTERM and ends with 0', async () => {
      const other = await serve(home);
      expect((await mic('recall', '--user', 'u', '--target', other.address)).status).toBe(0);
      expect(await other.stop('SIGTERM')).toBe(0);
    });

    it('answers what is under way on SIGTERM, whole', async () => {
      const other = await serve(home, ...(await patientProfiles(home)));
      const client = createClient(RecallServiceClient, other.address);
      const { userId } = output.recalls[0]!;
      const ask = (): Promise<RecallResponse> =>
        unary(client, 'recall', RecallRequest.fromPartial({ userId, profile: 'patient' }), { deadlineMs: 20_000 });
      await ask();
      const calls = Array.from({ length: 800 }, ask);
      await sleep(30);
      const ended = other.stop('SIGTERM');
      const outcomes = await Promise.allSettled(calls);
      client.close();
      expect(await ended).toBe(0);
      const answers = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      expect(answers.length).toBeGreaterThan(0);
      expect(answers.filter(({ degraded }) => degraded)).toEqual([]);
      // What had not arrived by then is refused.
      const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
      for (const error of refused) expect(error).toMatchObject({ code: 'UNAVAILABLE' });
    });

    it('refuses an address in use and says so', async () => {
      const { status, stderr } = await mic('serve', '--all-in-one', '--home', home, '--address', server.address);
      expect(status).toBe(1);
      expect(stderr).toMatch(/in use/);
    });

    it('takes parameters from a profile file, follows its changes, and refuses a bad one', async () => {
      const file = join(home, '..', `profiles-${process.pid}.json`);
      const write = (small: string) => writeFile(file, `{"default": "small", "profiles": {"small": ${small}}}`);
      const bad = '{"m": 3}';
      await write('{"n": {"default": 3}, "channels": {"U2I": {"enabled": false}}}');
      const other = await serve(home, '--profiles', file);
      const answer = async (): Promise<RecallResponse> => {
        const userId = output.recalls[0]!.userId;
        const { stdout } = await mic('recall', '--user', userId, '--target', other.address, '--json');
        return lastJson<RecallResponse>(stdout);
      };
      try {
        const first = await answer();
        expect([first.profile, first.items.length, first.channels[0]!.outcome]).toEqual([
          'small',
          3,
          'OUTCOME_DISABLED',
        ]);
        await write('{"n": {"default": 4}}');
        await expect.poll(async () => (await answer()).items.length, { timeout: 20_000 }).toBe(4);
        const { profileHash } = await answer();
        expect(profileHash).not.toBe(first.profileHash);
        await write(bad);
        await expect.poll(() => other.log(), { timeout: 20_000 }).toMatch(/profiles refused/);
        expect(await answer()).toMatchObject({ profileHash, degraded: false });
      } finally {
        await other.stop();
      }
      const refused = await mic('serve', '--all-in-one', '--home', home, '--profiles', file);
      expect(refused.status).toBe(2);
      expect(refused.stderr).toMatch(/Unrecognized key: "m"/);
      await rm(file);
    });
  });

  describe('mic release verify', () => {
    it('passes an intact copy under another name', async () => {
      const copy = join(home, 'copy');
      await cp(releaseDir(), copy, { recursive: true });
      const { status, stdout } = await mic('release', 'verify', copy);
      expect([status, stdout]).toEqual([0, expect.stringContaining(`release ${output.release.id}`)]);
      await rm(copy, { recursive: true });
    });

    it.each(DAMAGE)('%s: exits 1 and names the file', async (_what, damage) => {
      for (const path of ['items/vectors.f32', 'towers/user.onnx', 'manifest.json']) {
        const copy = join(home, 'copy');
        await cp(releaseDir(), copy, { recursive: true });
        await damage(join(copy, path));
        const { status, stderr } = await mic('release', 'verify', copy);
        expect([status, stderr]).toEqual([1, expect.stringContaining(path)]);
        await rm(copy, { recursive: true });
      }
    });

    it('a damaged release is not served', async () => {
      const file = join(releaseDir(), 'items/vectors.f32');
      const intact = await readFile(file);
      await DAMAGE[0]![1](file);
      const { status, stderr } = await mic('serve', '--all-in-one', '--home', home, '--address', '127.0.0.1:0');
      await writeFile(file, intact);
      expect([status, stderr]).toEqual([1, expect.stringContaining('items/vectors.f32')]);
    });
  });
});

describe('without an installation', () => {
  it('every command says what is missing and what to do', async () => {
    const home = await mkdtemp(join(tmpdir(), 'mic-e2e-'));
    const cases: [string[], RegExp][] = [
      [['serve', '--all-in-one', '--home', home], /no release is published[\s\S]*mic publish/],
      [['up', '--home', home], /no release is published[\s\S]*mic publish/],
      [['up', '--only', 'ann-service', '--home', home], /no services were started/],
      [['rollback', '--home', home, '--store', 'redis://127.0.0.1:1'], /the store does not answer[\s\S]*Redis runs/],
      [['publish', '--home', home, '--release', 'r1'], /r1 is not a folder/],
      [['train', '--data', home, '--out', join(home, 'run')], /is not a dataset[\s\S]*mic data import/],
      [['build', '--model', home, '--data', home, '--home', home], /is not a model[\s\S]*mic train/],
      [['history', 'import', '--data', home, '--home', home], /is not a dataset/],
      [['demo', '--import', 'movielens-100k', '--home', home], /go together/],
      [['release', 'verify', join(home, 'none')], /is not a folder/],
    ];
    for (const [args, message] of cases) {
      const { status, stderr } = await mic(...args);
      expect([args[0], status === 0]).toEqual([args[0], false]);
      expect(stderr).toMatch(message);
    }
    expect(await readdir(home)).toEqual([]);
    await rm(home, { recursive: true });
  });

  it.each([
    '',
    'data',
    'data import table',
    'data synth',
    'train',
    'build',
    'releases verify',
    'releases list',
    'releases diff',
    'publish',
    'rollback',
    'history import',
    'up',
    'serve',
    'recall',
    'demo',
  ])('mic %s --help teaches by example', async (command) => {
    const { status, stdout } = await mic(...command.split(' ').filter(Boolean), '--help');
    expect(status).toBe(0);
    expect(stdout).toContain('$ mic ');
  });
});
