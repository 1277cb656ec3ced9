import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Interaction } from '@mic/domain';
import type { LiveItem, Store } from '@mic/recall';
import { createLogger, startServer } from '@mic/rpc';
import { NeighborClient } from '@mic/service-clients';
import { storeConformance } from '@mic/store-conformance';
import { LmdbStore } from '@mic/store-lmdb';
import { neighborApi } from '../../apps/neighbor-store/src/handler';

/** A store takes any id, the service none that is blank. */
const isBlank = (id: string): boolean => id.trim() === '';
const isTaken = ({ userId, itemId }: Interaction): boolean => !isBlank(userId) && !isBlank(itemId);

/** Whether one RPC says all of it. */
const isOneCall = (items: readonly LiveItem[]): boolean =>
  items.length > 0 &&
  items.every(({ itemId, fields }) => !isBlank(itemId) && (fields === null) === (items[0]!.fields === null));

/** The read and append sides, and what is said of items, go through the neighbor-store's handlers and client; publishing goes to the store itself. */
function behindService(store: Store, client: NeighborClient): Store {
  return {
    userContext: (...call) => client.userContext(...call),
    similarUsersItems: (...call) => client.similarUsersItems(...call),
    usersItems: (...call) => client.usersItems(...call),
    similarItems: (request, options) => client.similarItems({ ...request, limit: Math.max(1, request.limit) }, options),
    appendEvents: (events, ...call) => (events.every(isTaken) ? client : store).appendEvents(events, ...call),
    writeLiveItems: (items, ...call) => (isOneCall(items) ? client : store).writeLiveItems(items, ...call),
    liveItems: (...call) => store.liveItems(...call),
    forgetLiveItems: (...call) => store.forgetLiveItems(...call),
    importHistories: (...call) => store.importHistories(...call),
    expireHistories: (...call) => store.expireHistories(...call),
    lease: (...call) => store.lease(...call),
    renewLease: (...call) => store.renewLease(...call),
    endLease: (...call) => store.endLease(...call),
    begin: (...call) => store.begin(...call),
    unfinished: () => store.unfinished(),
    hasUsers: (...call) => store.hasUsers(...call),
    hasSimilarItems: (...call) => store.hasSimilarItems(...call),
    predictBytes: (...call) => store.predictBytes(...call),
    memory: () => store.memory(),
    writeUsers: (...call) => store.writeUsers(...call),
    writeSimilarItems: (...call) => store.writeSimilarItems(...call),
    seal: (...call) => store.seal(...call),
    movePointer: (...call) => store.movePointer(...call),
    removeRelease: (...call) => store.removeRelease(...call),
    pointer: () => store.pointer(),
    releases: () => store.releases(),
    close: () => store.close(),
  };
}

storeConformance('a store behind the neighbor-store', async () => {
  const path = await mkdtemp(join(tmpdir(), 'mic-remote-'));
  let store = await LmdbStore.open({ path, historyCap: 5 });
  const server = await startServer({
    address: '127.0.0.1:0',
    services: [neighborApi(() => store)],
    logger: createLogger({ level: 'silent', service: 'spec' }),
    drainTimeoutMs: 100,
  });
  const wire = NeighborClient.connect(server.address);
  const client = new NeighborClient(wire, '');
  return {
    store: behindService(store, client),
    reopen: async (rules) => {
      await store.close();
      store = await LmdbStore.open({ path, historyCap: 5, ...rules });
      return behindService(store, client);
    },
    dispose: async () => {
      wire.close();
      await server.stop();
      await store.close();
      await rm(path, { recursive: true, force: true });
    },
  };
});
