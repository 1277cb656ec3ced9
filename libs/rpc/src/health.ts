import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

/** Readiness of a server as grpc.health.v1 tells it: of the process (service name '') and of each service. */
export interface Health {
  setServing(serving: boolean): void;
}

/** Adds grpc.health.v1 to a server; it says NOT_SERVING until it is told otherwise. */
export function addHealth(server: Server, serviceNames: readonly string[]): Health {
  const names = ['', ...serviceNames];
  const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, 'NOT_SERVING'])));
  health.addToServer(server);
  return {
    setServing(serving) {
      for (const name of names) health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
    },
  };
}
