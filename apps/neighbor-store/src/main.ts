import { openStore } from '@mic/open-store';
import { nothingPublished, runService } from '@mic/service-host';
import { config } from './config';
import { neighborApi } from './handler';
import { currentFirst } from './current-first';

await runService({
  name: 'neighbor-store',
  config,
  async open({ MIC_STORE: address, MIC_HISTORY_CAP: historyCap, MIC_HISTORY_TTL_SECONDS: ttlSeconds }) {
    const historyTtlMs = ttlSeconds === undefined ? undefined : ttlSeconds * 1_000;
    const store = await openStore({ store: address, historyCap, historyTtlMs });
    try {
      if ((await currentFirst(store)).length === 0) throw nothingPublished();
    } catch (error) {
      await store.close();
      throw error;
    }
    return { value: store, releases: () => currentFirst(store), close: () => store.close() };
  },
  services: (store) => [neighborApi(store)],
});
