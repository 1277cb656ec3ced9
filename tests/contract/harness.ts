import { credentials, Metadata, Client, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { EventServiceClient, RecallServiceClient } from '@mic/contracts';
import { MicError, parseReleaseId, type Interaction } from '@mic/domain';
import type { HistoryWriter, RecallRequest, RecallResult, RecallService } from '@mic/recall';
import { recallApi } from '@mic/recall-api';
import { createClient, startServer, type RunningServer, type ServiceHandlers } from '@mic/rpc';
import { logger } from './callers';

export const MAX_N = 50;
export const RELEASE = parseReleaseId('r20240102030405-0badcafe');

/** A result with one item of every channel. */
export function resultOf(request: RecallRequest): RecallResult {
  return {
    userId: request.userId,
    userKnown: true,
    requestId: request.requestId,
    releaseId: request.releaseId ?? RELEASE,
    profile: request.profile ?? 'default',
    profileHash: '0123456789abcdef',
    degraded: true,
    basicScore: 'USER_VECTOR',
    items: [
      {
        itemId: 'film-1',
        score: 0.75,
        category: 'drama',
        sources: [
          { channel: 'U2I', score: 0.5, trigger: '' },
          {
            channel: 'U2U2I',
            score: 0.25,
            trigger: 'user-2',
            ...(request.explain === true && {
              because: 'user-2, who is like you, took it',
              triggers: [{ id: 'user-2', evidence: 0.25 }],
            }),
          },
          { channel: 'U2I2I', score: 0.125, trigger: 'film-9' },
        ],
        parts:
          request.explain === true
            ? { basic: 0.5, repetition: 0.25, diversity: 0, similarUsers: 0.75, similarItems: 1 }
            : undefined,
      },
    ],
    channels: [
      { channel: 'U2I', outcome: 'OK', candidates: 1, elapsedMs: 1.5, message: '', shrunk: [] },
      {
        channel: 'U2U2I',
        outcome: 'LATE',
        candidates: 0,
        elapsedMs: 20,
        message: 'the budget of 20 ms ran out',
        shrunk: ['ef 200 -> 80'],
      },
      { channel: 'U2I2I', outcome: 'EMPTY', candidates: 0, elapsedMs: 0.5, message: 'no history', shrunk: [] },
    ],
    itemsRevision: 7,
    dropped:
      request.explain === true
        ? [
            { itemId: 'film-8', reason: 'SEEN', channels: ['U2I', 'U2I2I'] },
            { itemId: 'film-7', reason: 'RANK', channels: ['POPULAR'], score: -0.5 },
          ]
        : [],
  };
}

/** Answers at once and remembers what it was asked; user ids that begin with `!` name the error to throw. */
export class ScriptedRecall implements RecallService {
  readonly requests: RecallRequest[] = [];
  readonly deadlinesMs: number[] = [];
  running = 0;
  mostRunning = 0;
  aborted = 0;
  /** Resolves the calls of the user `wait`. */
  release: () => void = () => {};
  readonly #gate = new Promise<void>((resolve) => (this.release = resolve));
  /** Resolves when a call of the user `wait` is in. */
  entered: () => void = () => {};
  readonly waiting = new Promise<void>((resolve) => (this.entered = resolve));

  async recall(request: RecallRequest, deadlineMs: number, signal: AbortSignal): Promise<RecallResult> {
    this.requests.push(request);
    this.deadlinesMs.push(deadlineMs);
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      await this.#script(request, signal);
      return resultOf(request);
    } finally {
      this.running--;
    }
  }

  async #script({ userId }: RecallRequest, signal: AbortSignal): Promise<void> {
    if (userId === '!defect') throw new TypeError('secret of the implementation');
    if (userId === '!release') {
      throw new MicError('FAILED_PRECONDITION', 'release "r-old" is not open here', {
        subject: 'release_id',
        remedy: 'leave release_id out – the current release answers', // not ASCII: the header must still carry it
      });
    }
    if (userId === '!unavailable') throw new MicError('UNAVAILABLE', 'no release is open');
    if (userId === '!shed') throw new MicError('RESOURCE_EXHAUSTED', 'too many requests', { remedy: 'repeat later' });
    if (userId === '!huge') throw new MicError('FAILED_PRECONDITION', 'x'.repeat(1_000_000));
    if (userId === 'wait') {
      this.entered();
      await this.#gate;
    }
    if (userId === 'hang') {
      this.entered();
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          this.aborted++;
          resolve();
        });
      });
    }
    await Promise.resolve();
  }
}

/** Keeps the events and counts as a store does. */
export class ListHistory implements HistoryWriter {
  readonly events: Interaction[] = [];

  async appendEvents(events: readonly Interaction[]): ReturnType<HistoryWriter['appendEvents']> {
    if (events[0]?.userId === '!unavailable') throw new MicError('UNAVAILABLE', 'the store does not answer');
    if (events[0]?.userId === '!full') {
      throw new MicError('RESOURCE_EXHAUSTED', 'the store is full', { remedy: 'give the store more room' });
    }
    if (events[0]?.userId === 'hang') await new Promise(() => {});
    const key = (event: Interaction): string => JSON.stringify([event.userId, event.itemId, event.timeMs]);
    const known = new Set(this.events.map(key));
    let accepted = 0;
    for (const event of events) {
      if (known.has(key(event))) continue;
      known.add(key(event));
      this.events.push(event);
      accepted++;
    }
    return Promise.resolve({ accepted, duplicates: events.length - accepted, tooOld: 0 });
  }
}

export interface PublicApi {
  readonly recall: ScriptedRecall;
  readonly history: ListHistory;
  readonly services: readonly ServiceHandlers[];
}

/** The public services over a scripted recall path. */
export function publicApi(): PublicApi {
  const recall = new ScriptedRecall();
  const history = new ListHistory();
  return { recall, history, services: recallApi({ recall, history, maxN: () => MAX_N }) };
}

export interface Harness extends PublicApi {
  readonly server: RunningServer;
  readonly recallClient: RecallServiceClient;
  readonly eventClient: EventServiceClient;
  close(): Promise<void>;
}

/** The public API on a free loopback port, with clients. */
export async function startHarness(drainTimeoutMs = 2_000): Promise<Harness> {
  const api = publicApi();
  const server = await startServer({ address: '127.0.0.1:0', services: api.services, logger, drainTimeoutMs });
  server.setServing(true);
  const recallClient = createClient(RecallServiceClient, server.address);
  const eventClient = createClient(EventServiceClient, server.address);
  return {
    ...api,
    server,
    recallClient,
    eventClient,
    async close() {
      recallClient.close();
      eventClient.close();
      await server.stop();
    },
  };
}

export interface RawReply {
  readonly status: StatusObject;
  readonly initial: Metadata;
  readonly bytes: Buffer | undefined;
}

/** Sends bytes as they are to a method, and gives everything that came back. */
export function rawCall(
  address: string,
  path: string,
  bytes: Buffer,
  headers: Record<string, string | undefined> = {},
) {
  const client = new Client(address, credentials.createInsecure());
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(headers)) if (value !== undefined) metadata.set(key, value);
  return new Promise<RawReply>((resolve) => {
    let initial = new Metadata();
    let reply: Buffer | undefined;
    const same = (buffer: Buffer): Buffer => buffer;
    const call = client.makeUnaryRequest(
      path,
      same,
      same,
      bytes,
      metadata,
      { deadline: Date.now() + 10_000 },
      (_error: ServiceError | null, response?: Buffer) => (reply = response),
    );
    call.on('metadata', (received: Metadata) => (initial = received));
    call.on('status', (status: StatusObject) => {
      client.close();
      setImmediate(() => {
        resolve({ status, initial, bytes: reply });
      });
    });
  });
}
