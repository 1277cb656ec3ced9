import { execFile } from 'node:child_process';
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
import { pythonWithGrpc } from './python';

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
  /** Of a method that streams both ways. */
  readonly responses?: readonly unknown[];
  readonly initial?: Record<string, string>;
  readonly code?: string;
  readonly details?: string;
  readonly trailing?: Record<string, string>;
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

  const event = { user_id: 'ü', item_id: 'film-1', time_ms: '1700000000000', weight: 0.5 };
  const publicCalls: readonly { readonly call: Call; readonly answer: Partial<Answer> }[] = [
    {
      call: {
        method: RECALL,
        request: { user_id: 'ü', n: 7, explain: true },
        metadata: { [REQUEST_ID_KEY]: 'from-python' },
      },
      answer: {
        initial: expect.objectContaining({ [REQUEST_ID_KEY]: 'from-python' }) as Answer['initial'],
        response: {
          userId: 'ü',
          requestId: 'from-python',
          releaseId: RELEASE,
          degraded: true,
          basicScore: 'BASIC_SCORE_USER_VECTOR',
          itemsRevision: '42',
          items: [
            {
              itemId: 'film-1',
              score: 0.75,
              parts: { basic: 0.5, repetition: 0.25 },
              sources: [
                { channel: 'CHANNEL_U2I', score: 0.5 },
                {
                  channel: 'CHANNEL_U2U2I',
                  score: 0.25,
                  trigger: 'user-2',
                  triggers: [{ id: 'user-2' }, { id: 'user-21', evidence: 0.125 }],
                },
                { channel: 'CHANNEL_U2I2I', score: 0.125, trigger: 'film-9' },
              ],
            },
          ],
          channels: ['OK', 'LATE', 'EMPTY', 'DISABLED'].map((name) => ({ outcome: `OUTCOME_${name}` })),
          dropped: [
            { itemId: 'film-2', reason: 'DROP_REASON_RANK', score: 0.5 },
            { itemId: 'film-3', reason: 'DROP_REASON_HIDDEN' },
          ],
        },
      },
    },
    {
      call: {
        method: '/mic.recall.v1.RecallService/BatchRecall',
        request: { requests: [{ user_id: 'a' }, { user_id: '!release' }] },
      },
      answer: {
        response: {
          results: [{ response: { userId: 'a' } }, { error: { code: 'FAILED_PRECONDITION', subject: 'release_id' } }],
        },
      },
    },
    {
      call: {
        method: '/mic.recall.v1.RecallService/RecallStream',
        requests: [{ request: { user_id: 'a' } }, { request: { user_id: 'b', n: 0 } }, { request: { user_id: 'c' } }],
        metadata: { [REQUEST_ID_KEY]: 'stream-from-python' },
      },
      answer: {
        initial: expect.objectContaining({ [REQUEST_ID_KEY]: 'stream-from-python' }) as Answer['initial'],
        responses: [
          { result: { response: { userId: 'a', requestId: 'stream-from-python/0' } } },
          { result: { error: { code: 'INVALID_ARGUMENT', subject: 'messages[1].n' } } },
          { result: { response: { userId: 'c' } } },
        ],
      },
    },
    {
      call: {
        method: '/mic.event.v1.EventService/AppendEvents',
        request: { events: [event, { ...event, time_ms: '1' }] },
      },
      answer: { response: { accepted: 2 } },
    },
    {
      call: { method: '/mic.event.v1.EventService/AppendEvents', request: { events: [event] } },
      answer: { response: { duplicates: 1 } },
    },
    {
      call: {
        method: '/mic.event.v1.EventService/AppendEventStream',
        requests: [{ events: [event] }, { events: [{ ...event, time_ms: '2' }] }],
      },
      answer: { response: { messages: '2', accepted: '1', duplicates: '1' } },
    },
    {
      call: {
        method: '/mic.item.v1.ItemService/UpsertItems',
        request: {
          items: [{ item_id: 'film-10', fields: { genre: { texts: { values: ['drama'] } }, year: { number: 1999 } } }],
        },
      },
      answer: { response: { revision: '1' } },
    },
    {
      call: { method: '/mic.item.v1.ItemService/RemoveItems', request: { item_ids: ['film-10', 'ü'] } },
      answer: { response: { revision: '3' } },
    },
    {
      call: { method: '/mic.release.v1.ReleaseService/GetRelease', request: {} },
      answer: { response: { currentReleaseId: OPEN.releaseId, releases: [{ items: OPEN.items }] } },
    },
  ];

  it('calls every public RPC', async () => {
    const answers = await ask(...publicCalls.map(({ call }) => call));
    expect(answers.length).toBe(publicCalls.length);
    publicCalls.forEach(({ answer }, index) => {
      expect(answers[index]).toMatchObject(answer);
    });
    expect(api.recall.requests[0]).toMatchObject({ userId: 'ü', n: 7, explain: true });
    expect(api.history.events[0]).toEqual({ userId: 'ü', itemId: 'film-1', timeMs: 1_700_000_000_000, weight: 0.5 });
  });

  it('takes the answers of a stream that ends early, and how it ended', async () => {
    const [late] = await ask({
      method: '/mic.recall.v1.RecallService/RecallStream',
      requests: [{ request: { user_id: 'a' } }, { request: { user_id: 'hang' } }],
      deadlineMs: 1_000,
    });
    expect(late).toMatchObject({ responses: [{ result: { response: { userId: 'a' } } }], code: 'DEADLINE_EXCEEDED' });
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
