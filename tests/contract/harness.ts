import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, Metadata, Client, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { EventServiceClient, ItemServiceClient, RecallServiceClient } from '@mic/contracts';
import { MicError, parseReleaseId, type Interaction } from '@mic/domain';
import type {
  CandidateSource,
  HistoryWriter,
  ItemWriter,
  LiveItem,
  RecallRequest,
  RecallResult,
  RecallService,
} from '@mic/recall';
import { recallApi } from '@mic/recall-api';
import { createClient, startServer, type RunningServer, type ServiceHandlers } from '@mic/rpc';
import { logger } from './callers';

export const MAX_N = 50;
export const RELEASE = parseReleaseId('r20240102030405-0badcafe');

/** A result with one item of every channel of the model, and one candidate that is left out. */
export function resultOf(request: RecallRequest): RecallResult {
  const explained = (source: CandidateSource, because: string, evidence: number[]): CandidateSource =>
    request.explain === true
      ? {
          ...source,
          because,
          triggers: evidence.map((share, i) => ({ id: `${source.trigger}${i || ''}`, evidence: share })),
        }
      : source;
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
          explained({ channel: 'U2U2I', score: 0.25, trigger: 'user-2' }, 'user user-2 met it lately', [0.25, 0.125]),
          { channel: 'U2I2I', score: 0.125, trigger: 'film-9' },
        ],
        parts:
          request.explain === true
            ? { basic: 0.5, repetition: 0.25, diversity: 0, similarUsers: 0.75, similarItems: 1 }
            : undefined,
      },
    ],
    channels: [
      { channel: 'U2I', outcome: 'OK', candidates: 1, elapsedMs: 1.5, message: '', shrunk: ['ef 200 -> 80'] },
      {
        channel: 'U2U2I',
        outcome: 'LATE',
        candidates: 0,
        elapsedMs: 20,
        message: 'the budget of 20 ms ran out',
        shrunk: [],
      },
      { channel: 'U2I2I', outcome: 'EMPTY', candidates: 0, elapsedMs: 0.5, message: 'no history', shrunk: [] },
      { channel: 'POPULAR', outcome: 'DISABLED', candidates: 0, elapsedMs: 0, message: 'not needed', shrunk: [] },
    ],
    itemsRevision: 42,
    dropped:
      request.explain === true
        ? [
            { itemId: 'film-2', reason: 'RANK', channels: ['U2I', 'POPULAR'], score: 0.5 },
            { itemId: 'film-3', reason: 'HIDDEN', channels: ['U2U2I'] },
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
    if (userId === 'late') await sleep(this.deadlinesMs.at(-1)! + 50);
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

/** Keeps what is said of items, and counts. */
export class ListItems implements ItemWriter {
  readonly said: LiveItem[] = [];
  calls = 0;
  /** Calls that are refused with UNAVAILABLE from now on. */
  away = 0;

  upsertItems(items: Parameters<ItemWriter['upsertItems']>[0]): Promise<number> {
    if (items[0]?.itemId === '!full') {
      throw new MicError('RESOURCE_EXHAUSTED', 'the store has 10,000 live items', { remedy: 'publish a release' });
    }
    if (items[0]?.itemId === 'hang') return new Promise(() => {});
    return this.#say(items);
  }

  removeItems(itemIds: readonly string[]): Promise<number> {
    return this.#say(itemIds.map((itemId) => ({ itemId, fields: null })));
  }

  #say(items: readonly LiveItem[]): Promise<number> {
    this.calls++;
    if (this.away-- > 0) return Promise.reject(new MicError('UNAVAILABLE', 'the store does not answer'));
    this.said.push(...items);
    return Promise.resolve(this.said.length);
  }
}

export interface PublicApi {
  readonly recall: ScriptedRecall;
  readonly history: ListHistory;
  readonly items: ListItems;
  readonly services: readonly ServiceHandlers[];
}

/** The public services over a scripted recall path. */
export function publicApi(): PublicApi {
  const recall = new ScriptedRecall();
  const history = new ListHistory();
  const items = new ListItems();
  return { recall, history, items, services: recallApi({ recall, history, items, maxN: () => MAX_N }) };
}

export interface Harness extends PublicApi {
  readonly server: RunningServer;
  readonly recallClient: RecallServiceClient;
  readonly eventClient: EventServiceClient;
  readonly itemClient: ItemServiceClient;
  close(): Promise<void>;
}

/** The public API on a free loopback port, with clients. */
export async function startHarness(drainTimeoutMs = 2_000): Promise<Harness> {
  const api = publicApi();
  const server = await startServer({ address: '127.0.0.1:0', services: api.services, logger, drainTimeoutMs });
  server.setServing(true);
  const recallClient = createClient(RecallServiceClient, server.address);
  const eventClient = createClient(EventServiceClient, server.address);
  const itemClient = createClient(ItemServiceClient, server.address);
  return {
    ...api,
    server,
    recallClient,
    eventClient,
    itemClient,
    async close() {
      for (const client of [recallClient, eventClient, itemClient]) client.close();
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
