import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MicError } from '@mic/domain';
import type { ServiceMetrics } from './service-metrics';

export interface MetricsServer {
  /** `host:port` with the port that was bound. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Answers GET /metrics over HTTP with what Prometheus reads.
 *
 * @param address `host:port`; port 0 takes a free one.
 * @throws MicError FAILED_PRECONDITION when the address cannot be listened on.
 */
export async function serveMetrics({ registry }: ServiceMetrics, address: string): Promise<MetricsServer> {
  const { host, port } = parse(address);
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end('GET /metrics\n');
      return;
    }
    void registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.listen(port, host);
  await once(server, 'listening').catch((cause: unknown) => {
    throw new MicError('FAILED_PRECONDITION', `cannot listen on ${address} for metrics: ${(cause as Error).message}`, {
      subject: 'MIC_METRICS_ADDRESS',
      remedy: 'end the process that uses the port, or choose another address (port 0 takes a free one)',
      cause,
    });
  });
  return {
    address: `${host}:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function parse(address: string): { host: string; port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(address);
  if (match && Number(match[2]) <= 65_535) return { host: match[1]!, port: Number(match[2]) };
  throw new MicError('INVALID_ARGUMENT', `"${address}" is not an address`, {
    subject: 'MIC_METRICS_ADDRESS',
    remedy: 'give host:port with a port of 0 to 65535, e.g. 127.0.0.1:9090; port 0 takes a free one',
  });
}
