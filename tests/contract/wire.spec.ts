import { readFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AppendEventStreamRequest,
  AppendEventStreamResponse,
  AppendEventsRequest,
  BatchRecallResponse,
  EmbedUsersRequest,
  EmbedUsersResponse,
  GetReleaseResponse,
  GetSimilarItemsResponse,
  GetSimilarUsersItemsResponse,
  GetUserContextRequest,
  GetUserContextResponse,
  GetUsersItemsRequest,
  GetUsersItemsResponse,
  RecallRequest,
  RecallResponse,
  RecallStreamRequest,
  RecallStreamResponse,
  RemoveItemsRequest,
  RemoveItemsResponse,
  SearchRequest,
  SearchResponse,
  UpsertItemsRequest,
  UpsertItemsResponse,
} from '@mic/contracts';
import { decodeErrorDetails, REMEDY_KEY, REQUEST_ID_KEY, STATUS_DETAILS_KEY } from '@mic/rpc';
import { rawCall, startHarness, type Harness } from './harness';

const RECALL = '/mic.recall.v1.RecallService/Recall';
const BATCH = '/mic.recall.v1.RecallService/BatchRecall';
const APPEND = '/mic.event.v1.EventService/AppendEvents';
const encode = (request: Parameters<typeof RecallRequest.fromPartial>[0]): Buffer =>
  Buffer.from(RecallRequest.encode(RecallRequest.fromPartial(request)).finish());

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());

describe('malformed bytes', () => {
  // 0a ff 01: a string of 255 bytes that are not there. ff..: a tag that does not end. 0f: wire type 7.
  it.each(
    [RECALL, BATCH, APPEND].flatMap((path) => ['0aff01', 'ffffffffffffffffffffff', '0f'].map((hex) => [path, hex])),
  )('%s answers INVALID_ARGUMENT to %s', async (path, hex) => {
    const reply = await rawCall(harness.server.address, path, Buffer.from(hex, 'hex'));
    expect(reply.status.code).toBe(status.INVALID_ARGUMENT);
    expect(reply.status.details).toContain('not a valid protobuf message');
    expect(reply.status.details).toContain(path);
  });

  it('refuses an id that is not UTF-8', async () => {
    const reply = await rawCall(harness.server.address, RECALL, Buffer.from('0a02c328', 'hex'));
    expect(reply.status.code).toBe(status.INVALID_ARGUMENT);
    expect(reply.status.details).toContain('user_id');
  });

  it('refuses a time beyond 2^53', async () => {
    const event = Buffer.from('0a01751201691880808080808080807f', 'hex'); // user u, item i, time_ms about 2^63
    const reply = await rawCall(
      harness.server.address,
      APPEND,
      Buffer.concat([Buffer.from([0x0a, event.length]), event]),
    );
    expect(reply.status.code).toBe(status.INVALID_ARGUMENT);
  });

  it('ignores fields of a newer proto', async () => {
    const reply = await rawCall(
      harness.server.address,
      RECALL,
      Buffer.concat([encode({ userId: 'u' }), Buffer.from('f2070161', 'hex')]),
    );
    expect(reply.status.code).toBe(status.OK);
  });
});

describe('metadata', () => {
  it('carries code, remedy and subject in the status details, and the remedy as text', async () => {
    const reply = await rawCall(harness.server.address, RECALL, encode({ userId: '!release' }));
    const remedy = 'leave release_id out – the current release answers';
    expect(reply.status.details).toBe(`release "r-old" is not open here; ${remedy}`);
    expect(decodeErrorDetails(reply.status.metadata.get(STATUS_DETAILS_KEY)[0] as Buffer)).toEqual({
      reason: 'FAILED_PRECONDITION',
      remedy,
      subject: 'release_id',
    });
    const header = String(reply.status.metadata.get(REMEDY_KEY)[0]);
    expect(header).toBe('leave release_id out %E2%80%93 the current release answers');
  });

  it('gives the request id back, or makes one up', async () => {
    const asked = await rawCall(harness.server.address, RECALL, encode({ userId: 'u' }), { [REQUEST_ID_KEY]: 'my-id' });
    expect(asked.initial.get(REQUEST_ID_KEY)).toEqual(['my-id']);
    expect(RecallResponse.decode(asked.bytes!).requestId).toBe('my-id');
    for (const headers of [{}, { [REQUEST_ID_KEY]: 'x'.repeat(129) }, { [REQUEST_ID_KEY]: 'with space' }]) {
      const reply = await rawCall(harness.server.address, RECALL, encode({ userId: 'u' }), headers);
      expect(reply.initial.get(REQUEST_ID_KEY)[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    }
    const failed = await rawCall(harness.server.address, RECALL, encode({}), { [REQUEST_ID_KEY]: 'my-id' });
    expect(failed.initial.get(REQUEST_ID_KEY)).toEqual(['my-id']);
  });

  it('UNIMPLEMENTED for a method that the proto does not have', async () => {
    const reply = await rawCall(harness.server.address, '/mic.recall.v1.RecallService/Forget', Buffer.alloc(0));
    expect(reply.status.code).toBe(status.UNIMPLEMENTED);
  });
});

describe('golden messages', () => {
  // The bytes were made from the JSON by `buf convert`, an implementation that shares nothing with this one. It writes a
  // oneof last; here as in every generated encoder fields stand in the order of their numbers.
  const golden = JSON.parse(readFileSync(new URL('golden.json', import.meta.url), 'utf8')) as Record<
    string,
    { json: unknown; hex: string }
  >;
  const messages = {
    RecallRequest,
    RecallResponse,
    BatchRecallResponse,
    RecallStreamRequest,
    RecallStreamResponse,
    UpsertItemsRequest,
    UpsertItemsResponse,
    RemoveItemsRequest,
    RemoveItemsResponse,
    AppendEventsRequest,
    AppendEventStreamRequest,
    AppendEventStreamResponse,
    EmbedUsersRequest,
    EmbedUsersResponse,
    SearchRequest,
    SearchResponse,
    GetUserContextRequest,
    GetUserContextResponse,
    GetSimilarUsersItemsResponse,
    GetUsersItemsRequest,
    GetUsersItemsResponse,
    GetSimilarItemsResponse,
    GetReleaseResponse,
  };

  it.each(Object.keys(messages) as (keyof typeof messages)[])('%s', (name) => {
    const codec = messages[name] as unknown as typeof RecallResponse;
    const { json, hex } = golden[name]!;
    const bytes = Buffer.from(hex, 'hex');
    expect(Buffer.from(codec.encode(codec.fromJSON(json)).finish()).toString('hex')).toBe(hex);
    expect(codec.decode(bytes)).toEqual(codec.fromJSON(json));
  });

  it('a decoded RecallResponse prints as proto3 JSON with defaults', () => {
    const { json, hex } = golden['RecallResponse']!;
    expect(JSON.parse(JSON.stringify(RecallResponse.decode(Buffer.from(hex, 'hex'))))).toEqual(json);
  });

  it('an enum number of a newer proto decodes', () => {
    // basic_score = 99; channels[0] = { channel: 77, outcome: 66 }
    const response = RecallResponse.decode(Buffer.from('38634a04084d1042', 'hex'));
    expect(response.basicScore).toBe('UNRECOGNIZED');
    expect(response.channels[0]).toMatchObject({ channel: 'UNRECOGNIZED', outcome: 'UNRECOGNIZED' });
  });
});
