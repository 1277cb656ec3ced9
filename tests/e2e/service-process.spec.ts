import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { GetReleaseRequest, RecallRequest, RecallServiceClient, ReleaseServiceClient } from '@mic/contracts';
import { checkHealth, createClient, LIVENESS, unary } from '@mic/rpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive } from './processes';
import { makeSmallHome, succeed, type SmallHome } from './small-home';

const program = (name: string): string => new URL(`../../apps/${name}/dist/main.mjs`, import.meta.url).pathname;
const NAMES = ['user-embedder', 'ann-service', 'neighbor-store', 'recall-gateway'];

let empty: string;
beforeAll(async () => {
  empty = await mkdtemp(join(tmpdir(), 'mic-service-'));
});
afterAll(() => rm(empty, { recursive: true, force: true }));

/** A service over a home in which nothing is published. */
function start(name: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program(name)], {
    env: {
      PATH: process.env.PATH,
      MIC_ADDRESS: '127.0.0.1:0',
      MIC_STORE: join(empty, 'store'),
      MIC_RELEASES: join(empty, 'releases'),
      MIC_USER_EMBEDDER: '127.0.0.1:1',
      MIC_ANN_SERVICE: '127.0.0.1:1',
      MIC_NEIGHBOR_STORE: '127.0.0.1:1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const line = once(createInterface(child.stdout), 'line').then(
    ([text]) => JSON.parse(String(text)) as { service: string; address: string; pid: number },
  );
  return { child, line, exit, log: () => stderr };
}

describe.each(NAMES)('%s', (name) => {
  it('is alive and not ready without a release, says why, and ends with 0 on SIGTERM', async () => {
    const { child, line, exit, log } = start(name);
    const { service, address, pid } = await line;
    expect([service, pid]).toEqual([name, child.pid]);
    expect(await checkHealth(address, LIVENESS, 1_000)).toBe('SERVING');
    expect(await checkHealth(address, '', 1_000)).toBe('NOT_SERVING');
    const releases = createClient(ReleaseServiceClient, address);
    const asked = unary(releases, 'getRelease', GetReleaseRequest.fromPartial({}), { deadlineMs: 1_000 });
    await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE', remedy: expect.stringContaining('mic publish') });
    releases.close();
    await expect.poll(log).toContain('no release is published');
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  });

  it('refuses an environment that is not right, naming the variable', async () => {
    const { exit, log } = start(name, { MIC_STORE: '', MIC_DRAIN_TIMEOUT_MS: 'soon' });
    expect(await exit).toEqual([2, null]);
    expect(log()).toMatch(/MIC_STORE.*MIC_DRAIN_TIMEOUT_MS/);
  });

  it('refuses an address that is taken', async () => {
    const first = start(name);
    const { address } = await first.line;
    const second = start(name, { MIC_ADDRESS: address });
    expect(await second.exit).toEqual([1, null]);
    expect(second.log()).toContain(address);
    first.child.kill('SIGKILL');
    await first.exit;
  });
});

describe('a service', () => {
  it('warns of a variable that is misspelt', async () => {
    const { child, line, exit, log } = start('neighbor-store', { MIC_HISTORY_CPA: '5' });
    await line;
    await expect.poll(log).toContain('MIC_HISTORY_CPA');
    child.kill('SIGKILL');
    await exit;
  });

  it('ends when its parent is gone', async () => {
    const script = `
      const child = require('node:child_process').spawn(process.execPath, [${JSON.stringify(program('neighbor-store'))}], {
        env: { ...process.env, MIC_PARENT_PID: String(process.pid) }, stdio: ['ignore', 'inherit', 'ignore'], detached: true,
      });
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['-e', script], {
      env: { PATH: process.env.PATH, MIC_ADDRESS: '127.0.0.1:0', MIC_STORE: join(empty, 'store') },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [text] = (await once(createInterface(parent.stdout), 'line')) as [string];
    const { pid } = JSON.parse(text) as { pid: number };
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });
});

describe('services that wait', () => {
  let small: SmallHome;
  afterAll(() => rm(small.home, { recursive: true, force: true }));

  it('become ready when a release is published, without a restart', async () => {
    small = await makeSmallHome();
    const store = join(empty, 'later');
    const env = { MIC_STORE: store, MIC_RELEASES: join(small.home, 'releases') };
    const inner = ['user-embedder', 'ann-service', 'neighbor-store'].map((name) => start(name, env));
    const [embedder, ann, neighbors] = await Promise.all(inner.map(({ line }) => line));
    const gateway = start('recall-gateway', {
      ...env,
      MIC_USER_EMBEDDER: embedder!.address,
      MIC_ANN_SERVICE: ann!.address,
      MIC_NEIGHBOR_STORE: neighbors!.address,
    });
    const { address } = await gateway.line;
    const client = createClient(RecallServiceClient, address);
    const recall = () =>
      unary(client, 'recall', RecallRequest.fromPartial({ userId: small.userIds[0] }), { deadlineMs: 1_000 });
    await expect(recall()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await succeed('publish', '--home', small.home, '--store', store, '--release', small.releaseId);
    await expect
      .poll(
        () =>
          recall().then(
            ({ degraded }) => degraded,
            () => 'no answer',
          ),
        { timeout: 20_000, interval: 100 },
      )
      .toBe(false);
    client.close();
    for (const { child, exit } of [gateway, ...inner]) {
      child.kill('SIGKILL');
      await exit;
    }
  });
});
