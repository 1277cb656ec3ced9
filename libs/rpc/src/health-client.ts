import { credentials, makeGenericClientConstructor, type ServiceError } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';
import { errorOfStatus } from './error-status';
import { grpcTarget } from './targets';

export type HealthStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

const HealthClient = makeGenericClientConstructor(service, 'Health');

/**
 * Asks grpc.health.v1 once.
 * @param name health name; '' is the whole server.
 * @throws MicError UNAVAILABLE, DEADLINE_EXCEEDED when nothing answers; NOT_FOUND for a name that the server lacks.
 */
export async function checkHealth(target: string, name: string, deadlineMs: number): Promise<HealthStatus> {
  const client = new HealthClient(grpcTarget(target), credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      const check = client.check!.bind(client) as (
        request: { service: string },
        options: { deadline: number },
        done: (error: ServiceError | null, reply: { status: HealthStatus }) => void,
      ) => void;
      check({ service: name }, { deadline: Date.now() + deadlineMs }, (error, reply) => {
        if (error === null) resolve(reply.status);
        else reject(errorOfStatus(error));
      });
    });
  } finally {
    client.close();
  }
}
