import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import {
  AppendEventsRequest,
  EventServiceClient,
  GetReleaseRequest,
  RecallRequest,
  RecallServiceClient,
  ReleaseServiceClient,
  type RecallResponse,
} from '@mic/contracts';
import { manifestDigest } from '../../libs/release/src/manifest';
import { canonicalJson, type Manifest } from '@mic/release';
import { checkHealth, createClient, LIVENESS, unary } from '@mic/rpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive, lastJson, mic, serve, up, type ServiceName, type Up } from './processes';
import { addRelease, makeSmallHome, patientProfiles, succeed, type SmallHome } from './small-home';

const exec = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;
const INNER: ServiceName[] = ['user-embedder', 'ann-service', 'neighbor-store'];
const ALL: ServiceName[] = [...INNER, 'recall-gateway'];
/** Channels that a service's absence takes away. */
const LOST: Record<string, string[]> = {
  'user-embedder': ['CHANNEL_U2I'],
  'ann-service': ['CHANNEL_U2I'],
  'neighbor-store': ['CHANNEL_U2I', 'CHANNEL_U2U2I', 'CHANNEL_U2I2I'],
};

let small: SmallHome;
let running: Up;
let profiles: string[];
let client: RecallServiceClient;

beforeAll(async () => {
  small = await makeSmallHome();
  profiles = await patientProfiles(small.home);
  running = await up(small.home, ...profiles);
  client = createClient(RecallServiceClient, running.services['recall-gateway'].address);
}, 120_000);
afterAll(async () => {
  client.close();
  await running.stop('SIGKILL');
  await rm(small.home, { recursive: true, force: true });
});

const recall = (request: Parameters<typeof RecallRequest.fromPartial>[0] = {}, deadlineMs = 2_000) =>
  unary(client, 'recall', RecallRequest.fromPartial({ userId: small.userIds[0], ...request }), { deadlineMs });
/** Of the channels of the model: the fallback runs where they find too few. */
const outcomes = ({ channels }: RecallResponse) =>
  Object.fromEntries(channels.slice(0, 3).map(({ channel, outcome }) => [channel, outcome.replace('OUTCOME_', '')]));
const WELL = { CHANNEL_U2I: 'OK', CHANNEL_U2U2I: 'OK', CHANNEL_U2I2I: 'OK' };
const untilWell = () =>
  expect
    .poll(() => recall().then(outcomes, (error: Error) => error.message), { timeout: 15_000, interval: 50 })
    .toEqual(WELL);

describe('mic up', () => {
  it('prints one line that up.json has as well, with four services that are ready', async () => {
    expect(running.line.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(await readFile(join(small.home, 'up.json'), 'utf8'))).toEqual(JSON.parse(running.line));
    expect(Object.keys(running.services).sort()).toEqual([...ALL].sort());
    for (const name of ALL) {
      const { pid, address } = running.services[name];
      expect(isAlive(pid)).toBe(true);
      expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
      expect(await checkHealth(address, '', 1_000)).toBe('SERVING');
      expect(await checkHealth(address, LIVENESS, 1_000)).toBe('SERVING');
    }
  });

  it('answers with what one process over the same store and release answers', async () => {
    const one = await serve(small.home, ...profiles);
    const other = createClient(RecallServiceClient, one.address);
    for (const userId of [...small.userIds.slice(0, 20), 'a stranger']) {
      const request = RecallRequest.fromPartial({ userId, n: 50, explain: true, profile: 'patient' });
      const [four, single] = [
        await unary(client, 'recall', request, { deadlineMs: 20_000 }),
        await unary(other, 'recall', request, { deadlineMs: 20_000 }),
      ];
      expect(four.items.length).toBe(50);
      expect(four.items).toEqual(single.items);
      expect(four).toMatchObject({ userKnown: single.userKnown, degraded: false, basicScore: single.basicScore });
      expect(outcomes(four)).toEqual(outcomes(single));
    }
    other.close();
    await one.stop();
  });

  it('lets a client that knows only reflection list and call the public API', async () => {
    const url = `http://${running.services['recall-gateway'].address}`;
    const curl = async (...args: string[]) =>
      (await exec(`${root}node_modules/.bin/buf`, ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', ...args]))
        .stdout;
    expect((await curl('--list-services', url)).trim().split('\n').sort()).toEqual([
      'mic.event.v1.EventService',
      'mic.item.v1.ItemService',
      'mic.recall.v1.RecallService',
      'mic.release.v1.ReleaseService',
    ]);
    const answer = await curl(
      '-d',
      `{"user_id": "${small.userIds[0]}", "n": 3}`,
      `${url}/mic.recall.v1.RecallService/Recall`,
    );
    expect((JSON.parse(answer) as { items: unknown[] }).items).toHaveLength(3);
  });

  it('tells of its release from every service', async () => {
    for (const name of ALL) {
      const releases = createClient(ReleaseServiceClient, running.services[name].address);
      const answer = await unary(releases, 'getRelease', GetReleaseRequest.fromPartial({}), { deadlineMs: 1_000 });
      releases.close();
      expect(answer.currentReleaseId).toBe(small.releaseId);
      expect(answer.releases).toEqual([
        expect.objectContaining({ releaseId: small.releaseId, users: 300, items: 200, encoder: 'pooled' }),
      ]);
    }
  });

  it('is found by mic recall in its home', async () => {
    const { stdout } = await succeed('recall', '--home', small.home, '--user', small.userIds[1]!, '--json');
    expect(lastJson<RecallResponse>(stdout).items).toHaveLength(20);
  });

  it('counts an appended event in the next request', async () => {
    const userId = small.userIds[7]!;
    const events = createClient(EventServiceClient, running.services['recall-gateway'].address);
    const [first] = (await recall({ userId })).items;
    const append = AppendEventsRequest.fromPartial({
      events: [{ userId, itemId: first!.itemId, timeMs: Date.now(), weight: 1 }],
    });
    const appended = () => unary(events, 'appendEvents', append, { deadlineMs: 2_000 });
    expect([await appended(), await appended()]).toMatchObject([{ accepted: 1 }, { duplicates: 1 }]);
    events.close();
    expect((await recall({ userId, n: 200 })).items.map(({ itemId }) => itemId)).not.toContain(first!.itemId);
  });

  it('logs a failed call with its request id in the service that failed and in the gateway', async () => {
    const requestId = 'find-me-in-the-logs';
    const request = RecallRequest.fromPartial({ userId: small.userIds[0], releaseId: 'r1' });
    await expect(unary(client, 'recall', request, { deadlineMs: 1_000, requestId })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
    await expect.poll(() => running.log()).toContain(`"requestId":"${requestId}"`);
  });
});

describe.each(INNER)('without its %s', (name) => {
  const degradedAsExpected = (response: RecallResponse, allowed: string[]): void => {
    expect(response.degraded).toBe(true);
    for (const { channel, outcome, message } of response.channels.slice(0, 3)) {
      if (!LOST[name]!.includes(channel)) {
        expect([channel, outcome]).toEqual([channel, 'OUTCOME_OK']);
        continue;
      }
      expect(allowed.map((one) => `OUTCOME_${one}`)).toContain(outcome);
      expect(message).not.toBe('');
    }
    // The fallback fills up what is missing.
    expect(response.items.length).toBe(20);
    if (name === 'user-embedder') expect(response.basicScore).toBe('BASIC_SCORE_CHANNEL_SIMILARITY');
  };

  it('frozen: answers in time and says what is missing, and is whole again when it thaws', async () => {
    await untilWell();
    const { pid } = running.services[name];
    process.kill(pid, 'SIGSTOP');
    try {
      for (let i = 0; i < 20; i++) {
        const started = performance.now();
        const response = await recall({ userId: small.userIds[i] }, 400);
        expect(performance.now() - started).toBeLessThan(400);
        degradedAsExpected(response, ['LATE', 'FAILED', 'SHED']);
      }
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await untilWell();
  });

  it('ended: answers in time and says what is missing, and is whole when it is started again', async () => {
    await untilWell();
    process.kill(running.services[name].pid, 'SIGKILL');
    for (let i = 0; i < 20; i++) {
      degradedAsExpected(await recall({ userId: small.userIds[i] }, 1_000), ['LATE', 'FAILED', 'SHED']);
    }
    expect(running.log()).toContain(`mic up --only ${name}`);
    const again = await up(small.home, '--only', name);
    expect(Object.keys(again.services)).toEqual([name]);
    expect(again.services[name].address).toBe(running.services[name].address);
    const file = JSON.parse(await readFile(join(small.home, 'up.json'), 'utf8')) as Pick<Up, 'services'>;
    expect(file.services[name].pid).toBe(again.services[name].pid);
    await untilWell();
    for (const other of ALL) if (other !== name) expect(isAlive(file.services[other].pid)).toBe(true);
    replacements.push(again);
    Object.assign(running.services, { [name]: again.services[name] });
  });
});

const replacements: Up[] = [];
afterAll(async () => {
  for (const one of replacements) await one.stop('SIGKILL');
});

describe('the end', () => {
  it('comes in order on SIGTERM, and nothing is left', async () => {
    const other = await makeCopy();
    const another = await up(other);
    expect(await another.stop('SIGTERM')).toBe(0);
    for (const name of ALL) expect(isAlive(another.services[name].pid)).toBe(false);
    await expect(readFile(join(other, 'up.json'))).rejects.toThrow('ENOENT');
    const stops = another
      .log()
      .split('\n')
      .filter((line) => line.includes('"stopping"'))
      .map((line) => (JSON.parse(line) as { service: string }).service);
    expect(stops).toEqual(['recall-gateway', 'user-embedder', 'ann-service', 'neighbor-store']);
    await rm(other, { recursive: true });
  });

  it('comes to the services when mic up is killed', async () => {
    const other = await makeCopy();
    const another = await up(other);
    await another.stop('SIGKILL');
    await expect.poll(() => ALL.filter((name) => isAlive(another.services[name].pid)), { timeout: 10_000 }).toEqual([]);
    await rm(other, { recursive: true });
  });
});

async function makeCopy(): Promise<string> {
  const copy = `${small.home}-copy-${Date.now()}`;
  await cp(small.home, copy, { recursive: true, filter: (path) => !path.includes('/up') });
  return copy;
}

/** A service of an installation, alone, at an address. */
async function startAlone(name: ServiceName, home: string, address: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(root, `apps/${name}/dist/main.mjs`)], {
    env: {
      PATH: process.env.PATH,
      MIC_ADDRESS: address,
      MIC_STORE: join(home, 'store'),
      ...(name === 'ann-service' && { MIC_RELEASES: join(home, 'releases') }),
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(createInterface(child.stdout), 'line');
  return child;
}

describe('releases that do not fit each other', () => {
  let home: string;
  let own: Up;
  const started: Up[] = [];
  beforeAll(async () => {
    home = await makeCopy();
  });
  afterAll(async () => {
    for (const one of started) await one.stop('SIGKILL');
    await rm(home, { recursive: true, force: true });
  });

  const ask = async () => {
    const own = createClient(RecallServiceClient, started[0]!.services['recall-gateway'].address);
    try {
      return await unary(own, 'recall', RecallRequest.fromPartial({ userId: small.userIds[0] }), { deadlineMs: 2_000 });
    } finally {
      own.close();
    }
  };

  it('a service that has another release: refused and named, the rest is answered', async () => {
    const older = await makeCopy();
    started.push((own = await up(home)));
    const second = await addRelease(home, 2);
    await succeed('publish', '--home', home, '--release', second);
    await expect.poll(async () => (await ask()).releaseId, { timeout: 20_000 }).toBe(second);
    const { pid, address } = own.services['ann-service'];
    process.kill(pid, 'SIGKILL');
    const stranger = await startAlone('ann-service', older, address);
    // Until the gateway has connected again the channel fails for that reason.
    const refusal = `release ${second} is not open here, ${small.releaseId} is`;
    await expect.poll(async () => (await ask()).channels[0]!.message, { timeout: 10_000 }).toContain(refusal);
    const answer = await ask();
    expect(outcomes(answer)).toEqual({ ...WELL, CHANNEL_U2I: 'FAILED' });
    expect(answer).toMatchObject({ degraded: true, releaseId: second });
    stranger.kill('SIGKILL');
    await once(stranger, 'exit');
    started.push(await up(home, '--only', 'ann-service'));
    await expect.poll(async () => outcomes(await ask()), { timeout: 10_000 }).toEqual(WELL);
    await rm(older, { recursive: true });
  });

  it('mic rollback brings all of them back, without a restart', async () => {
    const { stdout } = await succeed('rollback', '--home', home, '--json');
    expect(lastJson(stdout)).toMatchObject({ releaseId: small.releaseId });
    await expect.poll(async () => (await ask()).releaseId, { timeout: 20_000 }).toBe(small.releaseId);
    expect(outcomes(await ask())).toEqual(WELL);
    const again = await mic('rollback', '--home', home);
    expect([again.status, again.stderr]).toEqual([1, expect.stringMatching(/oldest release[\s\S]*--to/)]);
  });

  it('a release of other content under the same id: not published, not opened, not answered from', async () => {
    const forged = await makeCopy();
    const folder = join(forged, 'releases', small.releaseId);
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Manifest;
    const forgery = { ...manifest, dataset: 'another' };
    const sealed = { ...forgery, manifestSha256: manifestDigest(forgery) };
    await writeFile(join(folder, 'manifest.json'), canonicalJson(sealed));
    expect((await mic('release', 'verify', folder)).status).toBe(0);

    const published = await mic('publish', '--home', forged, '--release', small.releaseId);
    expect([published.status, published.stderr]).toEqual([1, expect.stringContaining('another release under the id')]);
    const opened = await mic('up', '--home', forged);
    expect([opened.status, opened.stderr]).toEqual([1, expect.stringContaining('not the one that was published')]);

    // In a store of its own the forgery can be published; the services of the true one still refuse it.
    await rm(join(forged, 'store'), { recursive: true });
    await succeed('publish', '--home', forged, '--release', small.releaseId);
    for (const [name, channel] of [
      ['ann-service', 'CHANNEL_U2I'],
      ['neighbor-store', 'CHANNEL_U2U2I'],
    ] as const) {
      const file = JSON.parse(await readFile(join(home, 'up.json'), 'utf8')) as Pick<Up, 'services'>;
      process.kill(file.services[name].pid, 'SIGKILL');
      const stranger = await startAlone(name, forged, file.services[name].address);
      const answered = async () => (await ask()).channels.find((report) => report.channel === channel)!;
      await expect.poll(async () => (await answered()).message, { timeout: 10_000 }).toMatch(/other content/);
      expect(await answered()).toMatchObject({ outcome: 'OUTCOME_FAILED' });
      stranger.kill('SIGKILL');
      await once(stranger, 'exit');
      started.push(await up(home, '--only', name));
      await expect.poll(async () => outcomes(await ask()), { timeout: 10_000 }).toEqual(WELL);
    }
    await rm(forged, { recursive: true });
  });

  it('a store that does not have the release: refused and named', async () => {
    const empty = await makeCopy();
    await rm(join(empty, 'store'), { recursive: true });
    const second = await addRelease(empty, 3);
    await succeed('publish', '--home', empty, '--release', second);
    const file = JSON.parse(await readFile(join(home, 'up.json'), 'utf8')) as Pick<Up, 'services'>;
    process.kill(file.services['neighbor-store'].pid, 'SIGKILL');
    const stranger = await startAlone('neighbor-store', empty, file.services['neighbor-store'].address);
    await expect
      .poll(async () => (await ask()).channels.map(({ message }) => message).join(), { timeout: 10_000 })
      .toMatch(`release ${small.releaseId} is not in the store; the store has ${second}`.split(';')[0]!);
    expect((await ask()).degraded).toBe(true);
    stranger.kill('SIGKILL');
    await once(stranger, 'exit');
    await rm(empty, { recursive: true });
  });

  it('a damaged release is not served, and the file is named', async () => {
    const damaged = await makeCopy();
    const file = join(damaged, 'releases', small.releaseId, 'items/vectors.f32');
    const bytes = await readFile(file);
    bytes[100]! ^= 1;
    await writeFile(file, bytes);
    const { status, stderr } = await mic('up', '--home', damaged);
    expect([status, stderr]).toEqual([1, expect.stringContaining('items/vectors.f32')]);
    await rm(damaged, { recursive: true });
  });
});
