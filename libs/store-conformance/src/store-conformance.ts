import type { Store } from '@mic/recall';
import { afterEach, beforeEach, describe } from 'vitest';
import { historyConformance } from './history-conformance';
import { liveItemsConformance } from './live-items-conformance';
import { releaseConformance } from './release-conformance';
import type { StoreOfCase, StoreRules, StoreUnderTest } from './store-under-test';

/**
 * What every backend of the Store port does. The store under test keeps at most `historyCap` (5) events per user.
 */
export function storeConformance(name: string, make: (rules?: StoreRules) => Promise<StoreUnderTest>): void {
  describe(`${name} conforms to the store port`, () => {
    let under: StoreUnderTest;
    let store: Store;
    beforeEach(async () => {
      under = await make();
      ({ store } = under);
    });
    afterEach(() => under.dispose());

    const ofCase: StoreOfCase = {
      store: () => store,
      reopen: async (rules) => (store = await under.reopen(rules)),
    };
    historyConformance(ofCase);
    releaseConformance(ofCase);
    liveItemsConformance(ofCase);
  });
}
