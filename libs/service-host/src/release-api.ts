import { ReleaseServiceService } from '@mic/contracts';
import { MicError } from '@mic/domain';
import type { ReleaseSummary } from '@mic/recall';
import { serviceHandlers, type ServiceHandlers } from '@mic/rpc';
import { toWireRelease } from '@mic/wire';

/**
 * mic.release.v1.ReleaseService, which every service offers.
 * @param releases open releases, the current one first; throws UNAVAILABLE while there is none.
 */
export function releaseApi(releases: () => Promise<readonly ReleaseSummary[]>): ServiceHandlers {
  return serviceHandlers(ReleaseServiceService, {
    async getRelease() {
      const [current, ...others] = await releases();
      if (!current) throw noRelease();
      return {
        currentReleaseId: current.releaseId,
        releases: [current, ...others].map(toWireRelease),
      };
    },
  });
}

export const noRelease = (): MicError =>
  new MicError('UNAVAILABLE', 'no release is open here yet', {
    remedy: 'publish one (mic publish); the log says why one that is published is not open',
  });
