import { openStore } from '@mic/open-store';
import { nothingPublished, runService } from '@mic/service-host';
import { config } from './config';
import { currentFirst } from './current-first';
import { neighborApi } from './handler';
import { withEventLog } from './logged-store';

await runService({
  name: 'neighbor-store',
  config,
  async open(settings) {
    const { MIC_STORE: address, MIC_HISTORY_CAP: historyCap, MIC_HISTORY_TTL_SECONDS: ttlSeconds } = settings;
    const historyTtlMs = ttlSeconds === undefined ? undefined : ttlSeconds * 1_000;
    const store = await openStore({ store: address, historyCap, historyTtlMs });
    try {
      if ((await currentFirst(store)).length === 0) throw nothingPublished();
      const value = await withEventLog(store, settings);
      return { value, releases: () => currentFirst(store), close: () => value.close() };
    } catch (error) {
      await store.close();
      throw error;
    }
  },
  services: (store) => [neighborApi(store)],
});
