import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

/** Health name of the process itself: SERVING as soon as it listens, so that a restart is not asked for in vain. */
export const LIVENESS = 'liveness';

/** Health name of the release: SERVING while what is served is what is published. */
export const RELEASE_HEALTH = 'release';

/** Readiness of a server as grpc.health.v1 tells it: of all of it (service name '') and of each service. */
export interface Health {
  setServing(serving: boolean): void;
  /** Whether the published release is the one that is served. */
  setUpToDate(upToDate: boolean): void;
}

/** Adds grpc.health.v1 to a server; it says NOT_SERVING until it is told otherwise, but for LIVENESS. */
export function addHealth(server: Server, serviceNames: readonly string[]): Health {
  const names = ['', ...serviceNames];
  const health = new HealthImplementation({
    ...Object.fromEntries(names.map((name) => [name, 'NOT_SERVING' as const])),
    [LIVENESS]: 'SERVING',
    [RELEASE_HEALTH]: 'NOT_SERVING',
  });
  health.addToServer(server);
  return {
    setServing(serving) {
      for (const name of names) health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
    },
    setUpToDate(upToDate) {
      health.setStatus(RELEASE_HEALTH, upToDate ? 'SERVING' : 'NOT_SERVING');
    },
  };
}
