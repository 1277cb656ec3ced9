import { LmdbStore } from './lmdb-store';

// A process that a spec starts, and kills: it appends until its end, and prints what was acknowledged.
const path = process.argv[2];
if (path === undefined) throw new Error('usage: spec-writer.ts STORE');
const store = await LmdbStore.open({ path, historyCap: 10 });
for (let call = 0; ; call++) {
  await store.appendEvents([0, 1, 2].map((i) => ({ userId: `u${call}`, itemId: `i${i}`, timeMs: 1 + i, weight: 1 })));
  process.stdout.write(`${call}\n`);
}
