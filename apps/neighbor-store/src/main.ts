import { openStore } from '@mic/open-store';
import { nothingPublished, runService } from '@mic/service-host';
import { config } from './config';
import { neighborApi } from './handler';
import { storeState } from './store-state';

await runService({
  name: 'neighbor-store',
  config,
  async open({ MIC_STORE: address, MIC_HISTORY_CAP: historyCap }, host) {
    const store = await openStore({ store: address, historyCap });
    const releases = async () => {
      const state = await storeState(store);
      host.showReleases(state);
      return state;
    };
    try {
      if ((await releases()).current === null) throw nothingPublished();
    } catch (error) {
      await store.close();
      throw error;
    }
    return { value: store, releases, close: () => store.close() };
  },
  services: (store) => [neighborApi(store)],
});
