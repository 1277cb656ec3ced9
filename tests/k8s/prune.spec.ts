import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { RecallRequest, RecallServiceClient } from '@mic/contracts';
import { checkHealth, createClient, LIVENESS, unary } from '@mic/rpc';
import { makeSmallHome } from '../e2e/small-home';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'mic-prune-'));

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** The variables that each app needs, and packages that it is known to load. */
const APPS: Readonly<Record<string, { readonly variables: Readonly<Record<string, string>>; loads: string[] }>> = {
  'user-embedder': {
    variables: { MIC_RELEASES: join(scratch, 'releases') },
    loads: ['@grpc/grpc-js', 'onnxruntime-node', 'pino'],
  },
  'ann-service': {
    variables: { MIC_RELEASES: join(scratch, 'releases') },
    loads: ['@grpc/grpc-js', 'hnswlib-node', 'pino'],
  },
  'neighbor-store': { variables: {}, loads: ['@grpc/grpc-js', 'ioredis', 'lmdb', 'pino'] },
  'recall-gateway': {
    variables: {
      MIC_RELEASES: join(scratch, 'releases'),
      MIC_USER_EMBEDDER: '127.0.0.1:1',
      MIC_ANN_SERVICE: '127.0.0.1:1',
      MIC_NEIGHBOR_STORE: '127.0.0.1:1',
    },
    loads: ['@grpc/grpc-js', 'pino'],
  },
};
const NATIVE = ['hnswlib-node', 'onnxruntime-node'];

const prune = (...args: string[]) =>
  spawnSync(process.execPath, [join(root, 'tools/prune.mjs'), ...args], { cwd: root, encoding: 'utf8' });

/** Starts a pruned app with nothing but its own variables, asks what the probes ask, and ends it. */
async function startAndStop(folder: string, variables: Readonly<Record<string, string>>) {
  const env = { PATH: process.env.PATH, MIC_ADDRESS: '127.0.0.1:0', MIC_STORE: join(scratch, 'store'), ...variables };
  const child = spawn(process.execPath, ['dist/main.mjs'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const closed = once(child, 'close') as Promise<[number | null]>;
  try {
    const line = once(createInterface(child.stdout), 'line') as Promise<[string]>;
    const early = closed.then(([status]) => Promise.reject(new Error(`it ended with ${status}: ${stderr}`)));
    const [said] = await Promise.race([line, early]);
    early.catch(() => {}); // the end that follows is asked for
    const { address } = JSON.parse(said) as { address: string };
    const health = { alive: await checkHealth(address, LIVENESS, 5_000), ready: await checkHealth(address, '', 5_000) };
    child.kill('SIGTERM');
    const [status] = await closed;
    return { said: JSON.parse(said) as unknown, pid: child.pid, health, status, stderr };
  } finally {
    if (child.exitCode === null) child.kill('SIGKILL');
  }
}

describe.each(Object.entries(APPS))('%s, pruned', (app, { variables, loads }) => {
  const folder = join(scratch, app);

  it('is the bundle and its packages', () => {
    const { status, stdout, stderr } = prune(app, folder);
    expect(stderr).toBe('');
    expect(stdout).toMatch(new RegExp(`^${app}: \\d+ packages, \\d+\\.\\d MiB\\n$`));
    expect(status).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(['dist', 'node_modules', 'package.json']);
    expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).toEqual({
      name: `@mic/${app}`,
      version: '0.1.0',
      license: 'Apache-2.0',
      type: 'module',
    });
  });

  it('has what it loads, and neither tools, workspaces nor the native code of others', () => {
    const packages = join(folder, 'node_modules');
    expect(loads.filter((name) => !existsSync(join(packages, name, 'package.json')))).toEqual([]);
    const others = NATIVE.filter((name) => !loads.includes(name));
    const unwanted = ['@mic', '@types', 'esbuild', 'nx', 'typescript', 'vitest', ...others];
    expect(unwanted.filter((name) => existsSync(join(packages, name)))).toEqual([]);
  });

  it('finds every package that its bundles import, natives included', () => {
    const dist = join(folder, 'dist');
    const bundles = readdirSync(dist).filter((name) => name.endsWith('.mjs'));
    const imported = bundles.flatMap((name) =>
      [...readFileSync(join(dist, name), 'utf8').matchAll(/^(?:import|\}) .*?["']([^."'][^"']*)["'];$/gm)].map(
        ([, of]) => of!,
      ),
    );
    const thirdParty = [...new Set(imported)].filter((name) => !name.startsWith('node:'));
    expect(thirdParty).toEqual(expect.arrayContaining(loads));
    const script = `for (const name of ${JSON.stringify(thirdParty)}) await import(name)`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd: folder, encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
  });

  it('comes up by itself, alive and not ready, and ends on SIGTERM', async () => {
    const { said, pid, health, status, stderr } = await startAndStop(folder, variables);
    expect(said).toEqual({ service: app, address: expect.stringMatching(/^127\.0\.0\.1:\d+$/), pid });
    expect(health).toEqual({ alive: 'SERVING', ready: 'NOT_SERVING' });
    expect(status, stderr).toBe(0);
  });
});

describe('the command line, pruned', () => {
  it('makes a pass from a dataset to a published release', () => {
    const folder = join(scratch, 'mic');
    expect(prune('mic', folder).status).toBe(0);
    const mic = (...args: string[]) =>
      spawnSync(process.execPath, ['dist/main.mjs', ...args], { cwd: folder, encoding: 'utf8' });
    const data = join(scratch, 'world');
    expect(mic('data', 'synth', '--users', '50', '--items', '40', '--events', '900', '--out', data).status).toBe(0);
    const run = mic('hourly', '--home', join(scratch, 'home'), '--data', data, '--set', 'loop.epochs=1', '--json');
    expect([run.status, run.stderr]).toEqual([0, expect.not.stringContaining('failed')]);
    expect(JSON.parse(run.stdout)).toMatchObject({ outcome: 'published' });
  });
});

describe('the four pruned apps together', () => {
  it('answer from a release, from every channel', async () => {
    const { home, userIds } = await makeSmallHome();
    const env = { PATH: process.env.PATH, MIC_STORE: join(home, 'store'), MIC_RELEASES: join(home, 'releases') };
    const children: ChildProcess[] = [];
    const start = async (app: string, more: Record<string, string> = {}): Promise<string> => {
      const own = { ...env, MIC_ADDRESS: '127.0.0.1:0', ...more };
      const options: SpawnOptions = { cwd: join(scratch, app), env: own, stdio: ['ignore', 'pipe', 'ignore'] };
      const child = spawn(process.execPath, ['dist/main.mjs'], options);
      children.push(child);
      const [said] = (await once(createInterface(child.stdout!), 'line')) as [string];
      return (JSON.parse(said) as { address: string }).address;
    };
    const gateway = await start('recall-gateway', {
      MIC_USER_EMBEDDER: await start('user-embedder'),
      MIC_ANN_SERVICE: await start('ann-service'),
      MIC_NEIGHBOR_STORE: await start('neighbor-store'),
    });
    const client = createClient(RecallServiceClient, gateway);
    const request = RecallRequest.fromPartial({ userId: userIds[0] });
    const outcomes = () =>
      unary(client, 'recall', request, { deadlineMs: 2_000 }).then(
        ({ channels }) => channels.slice(0, 3).map(({ outcome }) => outcome),
        (error: Error) => [error.message],
      );
    await expect.poll(outcomes, { timeout: 20_000 }).toEqual(['OUTCOME_OK', 'OUTCOME_OK', 'OUTCOME_OK']);
    client.close();
    for (const child of children) child.kill('SIGKILL');
    rmSync(home, { recursive: true });
  });
});

describe('native code', () => {
  it('of ONNX Runtime is that of this platform alone', () => {
    const bin = join(scratch, 'user-embedder/node_modules/onnxruntime-node/bin');
    const [napi] = readdirSync(bin);
    expect(readdirSync(join(bin, napi!))).toEqual([process.platform]);
    expect(readdirSync(join(bin, napi!, process.platform))).toEqual([process.arch]);
  });

  it('of HNSW is the addon without what it was compiled from', () => {
    const hnsw = join(scratch, 'ann-service/node_modules/hnswlib-node');
    expect(readdirSync(join(hnsw, 'build'))).toEqual(['Release']);
    expect(readdirSync(join(hnsw, 'build/Release'))).toEqual(['addon.node']);
    expect(existsSync(join(hnsw, 'src'))).toBe(false);
  });
});

describe('prune', () => {
  it.each([
    ['an app that is none', ['radio', join(scratch, 'none')], 'no app radio; there are user-embedder, ann-service,'],
    ['a folder that is in use', ['ann-service', root], 'is not empty: name a new folder'],
    ['a folder left out', ['ann-service'], 'usage: node tools/prune.mjs APP OUTDIR'],
  ])('refuses %s', (_what, args, message) => {
    const { status, stderr } = prune(...args);
    expect(stderr).toContain(message);
    expect(status).toBe(1);
  });
});

describe('the Dockerfile', () => {
  const instructions = readFileSync(join(root, 'Dockerfile'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  /** The instructions of a stage, its FROM excluded. */
  const stage = (name: string): string[] => {
    const start = instructions.findIndex((line) => line.startsWith('FROM ') && line.endsWith(` AS ${name}`));
    const length = instructions.slice(start + 1).findIndex((line) => line.startsWith('FROM '));
    return instructions.slice(start + 1, length < 0 ? undefined : start + 1 + length);
  };

  it.each(Object.keys(APPS))('has a target %s that copies what was pruned for it', (app) => {
    expect(instructions).toContain(`FROM runtime AS ${app}`);
    expect(stage('build')).toContain(`RUN node tools/prune.mjs ${app} /out/${app}`);
    expect(stage(app)).toEqual([`COPY --from=build /out/${app} ./`]);
  });

  it('runs as another user than root, as the manifests say', () => {
    expect(instructions).toContain('FROM node:20-bookworm-slim AS runtime');
    expect(stage('runtime')).toEqual(
      expect.arrayContaining(['USER node', 'WORKDIR /app', 'CMD ["node", "--v8-pool-size=1", "dist/main.mjs"]']),
    );
  });
});
