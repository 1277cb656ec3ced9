import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decodeErrorDetails, REMEDY_KEY, REQUEST_ID_KEY, startServer, STATUS_DETAILS_KEY } from '@mic/rpc';
import { releaseApi } from '@mic/service-host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logger } from './callers';
import { publicApi, RELEASE } from './harness';
import { OPEN } from './internal-rpc';

const exec = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;
const RECALL = '/mic.recall.v1.RecallService/Recall';

interface Call {
  readonly method: string;
  readonly request?: object;
  /** Of a method that takes a stream. */
  readonly requests?: readonly object[];
  readonly deadlineMs?: number;
  readonly metadata?: Record<string, string>;
}
interface Answer {
  readonly response?: unknown;
  readonly initial?: Record<string, string>;
  readonly code?: string;
  readonly details?: string;
  readonly trailing?: Record<string, string>;
}

/** A Python that has grpcio: Debian's own, or the one on the path. */
function pythonWithGrpc(): string {
  const found = ['/usr/bin/python3', 'python3'].find(
    (python) => spawnSync(python, ['-c', 'import grpc, google.protobuf'], { stdio: 'ignore' }).status === 0,
  );
  if (found === undefined) throw new Error('no Python with grpcio: apt-get install python3-grpcio');
  return found;
}

describe('a client in Python that has the protos alone', () => {
  const api = publicApi();
  let python: string;
  let folder: string;
  let descriptors: string;
  let server: Awaited<ReturnType<typeof startServer>>;

  beforeAll(async () => {
    python = pythonWithGrpc();
    folder = await mkdtemp(join(tmpdir(), 'mic-python-'));
    descriptors = join(folder, 'protos.binpb');
    await exec(`${root}node_modules/.bin/buf`, ['build', '-o', descriptors], { cwd: root });
    const state = { current: OPEN, open: [OPEN], wanted: OPEN.releaseId, problem: null };
    const opened = { releases: () => Promise.resolve(state) };
    const services = [...api.services, releaseApi(() => opened)];
    server = await startServer({ address: '127.0.0.1:0', services, logger, drainTimeoutMs: 1_000 });
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function ask(...calls: Call[]): Promise<Answer[]> {
    const client = exec(python, [`${root}tests/python/grpc_client.py`, descriptors, server.address]);
    client.child.stdin!.end(calls.map((call) => `${JSON.stringify(call)}\n`).join(''));
    const { stdout } = await client;
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Answer);
  }

  it('calls every public RPC', async () => {
    const event = { user_id: 'ü', item_id: 'film-1', time_ms: '1700000000000', weight: 0.5 };
    const [recalled, batch, appended, repeated, streamed, release] = await ask(
      { method: RECALL, request: { user_id: 'ü', n: 7, explain: true }, metadata: { [REQUEST_ID_KEY]: 'from-python' } },
      {
        method: '/mic.recall.v1.RecallService/BatchRecall',
        request: { requests: [{ user_id: 'a' }, { user_id: '!release' }] },
      },
      { method: '/mic.event.v1.EventService/AppendEvents', request: { events: [event, { ...event, time_ms: '1' }] } },
      { method: '/mic.event.v1.EventService/AppendEvents', request: { events: [event] } },
      {
        method: '/mic.event.v1.EventService/AppendEventStream',
        requests: [{ events: [event] }, { events: [{ ...event, time_ms: '2' }] }],
      },
      { method: '/mic.release.v1.ReleaseService/GetRelease', request: {} },
    );
    expect(recalled!.initial).toMatchObject({ [REQUEST_ID_KEY]: 'from-python' });
    expect(recalled!.response).toMatchObject({
      userId: 'ü',
      requestId: 'from-python',
      releaseId: RELEASE,
      degraded: true,
      basicScore: 'BASIC_SCORE_USER_VECTOR',
      items: [
        {
          itemId: 'film-1',
          score: 0.75,
          parts: { basic: 0.5, repetition: 0.25 },
          sources: [
            { channel: 'CHANNEL_U2I', score: 0.5 },
            { channel: 'CHANNEL_U2U2I', score: 0.25, trigger: 'user-2' },
            { channel: 'CHANNEL_U2I2I', score: 0.125, trigger: 'film-9' },
          ],
        },
      ],
      channels: ['OK', 'LATE', 'EMPTY', 'DISABLED'].map((name) => ({ outcome: `OUTCOME_${name}` })),
    });
    expect(api.recall.requests[0]).toMatchObject({ userId: 'ü', n: 7, explain: true });
    expect(batch!.response).toMatchObject({
      results: [{ response: { userId: 'a' } }, { error: { code: 'FAILED_PRECONDITION', subject: 'release_id' } }],
    });
    expect(appended!.response).toEqual({ accepted: 2 });
    expect(repeated!.response).toEqual({ duplicates: 1 });
    expect(streamed!.response).toEqual({ messages: '2', accepted: '1', duplicates: '1' });
    expect(api.history.events[0]).toEqual({ userId: 'ü', itemId: 'film-1', timeMs: 1_700_000_000_000, weight: 0.5 });
    expect(release!.response).toMatchObject({ currentReleaseId: OPEN.releaseId, releases: [{ items: OPEN.items }] });
  });

  it('gets code, text, remedy and details of an error', async () => {
    const [refused, late] = await ask(
      { method: RECALL, request: { user_id: 'u', n: 0 } },
      { method: RECALL, request: { user_id: 'hang' }, deadlineMs: 50 },
    );
    expect(refused!.code).toBe('INVALID_ARGUMENT');
    expect(refused!.details).toContain('n is 0, 1 to 50 is allowed');
    expect(refused!.trailing![REMEDY_KEY]).toBe('give a number of 1 to 50');
    expect(decodeErrorDetails(Buffer.from(refused!.trailing![STATUS_DETAILS_KEY]!, 'hex'))).toEqual({
      reason: 'INVALID_ARGUMENT',
      remedy: 'give a number of 1 to 50',
      subject: 'n',
    });
    expect(late!.code).toBe('DEADLINE_EXCEEDED');
  });
});
