import { openStore } from '@mic/open-store';
import { nothingPublished, runService } from '@mic/service-host';
import { config } from './config';
import { neighborApi } from './handler';
import { withEventLog } from './logged-store';
import { storeState } from './store-state';

await runService({
  name: 'neighbor-store',
  config,
  async open(settings, host) {
    const { MIC_HISTORY_TTL_SECONDS: ttlSeconds } = settings;
    const store = await openStore({
      store: settings.MIC_STORE,
      historyCap: settings.MIC_HISTORY_CAP,
      historyTtlMs: ttlSeconds === undefined ? undefined : ttlSeconds * 1_000,
      liveItemsCap: settings.MIC_LIVE_ITEMS_CAP,
    });
    const releases = async () => {
      const state = await storeState(store);
      host.showReleases(state);
      return state;
    };
    try {
      if ((await releases()).current === null) throw nothingPublished();
      const value = await withEventLog(store, settings);
      return { value, releases, close: () => value.close() };
    } catch (error) {
      await store.close();
      throw error;
    }
  },
  services: (store) => [neighborApi(store)],
});
