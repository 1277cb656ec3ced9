import { setTimeout as sleep } from 'node:timers/promises';
import { GCProfiler, type HeapSpaceStatistics } from 'node:v8';
import { RecallRequest, RecallResponse, RecallServiceClient, RecallServiceService } from '@mic/contracts';
import { createClient } from './client';
import { collectGarbage } from './garbage';
import { createLogger } from './logger';
import { startServer } from './server';
import { serviceHandlers } from './service-handlers';
import { unary } from './unary';
import { letCallsDieYoung } from './young-calls';

// Run by a spec as a program of its own, for specs run with hooks on promises that keep what it counts: calls itself, and
// prints how many bytes a call outlive the young generation. `young`: after letCallsDieYoung.

const CALLS = 4_000;
const AT_A_TIME = 16;
const ANSWER_MS = 2;

if (process.argv[2] === 'young') letCallsDieYoung();
const recall = async (): Promise<RecallResponse> => {
  await sleep(ANSWER_MS);
  return RecallResponse.fromPartial({ userId: 'answered' });
};
const server = await startServer({
  address: '127.0.0.1:0',
  services: [serviceHandlers(RecallServiceService, { recall } as never)],
  logger: createLogger({ level: 'error', service: 'spec' }),
  drainTimeoutMs: 1_000,
});
const client = createClient(RecallServiceClient, server.address);
const compiles = callMany();
await sleep(200);
collectGarbage(); // makes old, while it is in use, whatever keeps calls
await compiles;
const profiler = new GCProfiler();
profiler.start();
await callMany();
const young = profiler.stop().statistics.filter(({ gcType }) => gcType === 'Scavenge');
const promoted = young
  .map(({ beforeGC, afterGC }) => oldBytes(afterGC.heapSpaceStatistics) - oldBytes(beforeGC.heapSpaceStatistics))
  .reduce((sum, bytes) => sum + bytes, 0);
console.log(Math.round(promoted / CALLS));
client.close();
await server.stop();

async function callMany(): Promise<void> {
  let begun = 0;
  const oneAfterTheOther = async (): Promise<void> => {
    while (begun++ < CALLS) {
      await unary(client, 'recall', RecallRequest.fromPartial({ userId: 'u' }), { deadlineMs: 5_000, graceMs: 8 });
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, oneAfterTheOther));
}

function oldBytes(spaces: readonly HeapSpaceStatistics[]): number {
  const old = spaces.filter(({ spaceName }) => !spaceName.startsWith('new'));
  return old.reduce((sum, { spaceUsedSize }) => sum + spaceUsedSize, 0);
}
