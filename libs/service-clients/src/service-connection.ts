import { ServiceCaller, type ServiceCallerOptions } from './service-caller';

/** A service as the clients of its ports reach it, whatever their release: one channel, and how its calls have fared. */
export interface ServiceConnection<C> {
  readonly client: C;
  readonly caller: ServiceCaller;
  close(): void;
}

/** @param service as in deployments, e.g. `ann-service`. */
export function connectionOf<C extends { close(): void }>(
  service: string,
  client: C,
  options?: ServiceCallerOptions,
): ServiceConnection<C> {
  return {
    client,
    caller: new ServiceCaller(service, options),
    close: () => {
      client.close();
    },
  };
}
