import { ReleaseServiceService } from '@mic/contracts';
import { serviceHandlers, type ServiceHandlers } from '@mic/rpc';
import { checkCount, toWireRelease } from '@mic/wire';
import type { Opened } from './host';
import { noRelease } from './open-releases';

/** Releases that a caller names at most: more than anyone has open. */
const MAX_IN_USE = 100;

/**
 * mic.release.v1.ReleaseService, which every service offers.
 * @param opened throws UNAVAILABLE until the service is open.
 */
export function releaseApi(opened: () => Pick<Opened<unknown>, 'releases' | 'keep'>): ServiceHandlers {
  return serviceHandlers(ReleaseServiceService, {
    async getRelease({ inUseReleaseIds }) {
      checkCount('in_use_release_ids', inUseReleaseIds.length, 0, MAX_IN_USE);
      const { releases, keep } = opened();
      keep?.(inUseReleaseIds);
      const { current, open, wanted, problem } = await releases();
      if (!current) throw noRelease();
      return {
        currentReleaseId: current.releaseId,
        releases: open.map(toWireRelease),
        publishedReleaseId: wanted ?? '',
        problem: problem ?? '',
      };
    },
  });
}
