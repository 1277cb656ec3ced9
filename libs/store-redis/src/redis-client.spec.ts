import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Cluster } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { clientOf } from './redis-client';
import { parseRedisUrl } from './store-url';

const HOST = 'HOST';
/** First byte of a TLS handshake, and of a command of Redis. */
const [HANDSHAKE, COMMAND] = [0x16, '*'.charCodeAt(0)];

describe('a client', () => {
  it.each([
    ['redis', HOST, COMMAND],
    ['rediss', HOST, HANDSHAKE],
    ['redis+sentinel', `${HOST}/primary`, COMMAND],
    ['rediss+sentinel', `${HOST}/primary`, HANDSHAKE],
    ['redis+cluster', HOST, COMMAND],
    ['rediss+cluster', HOST, HANDSHAKE],
  ])('of %s:// says first what belongs there', async (scheme, rest, first) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const client = clientOf(parseRedisUrl(`${scheme}://${rest.replace(HOST, `127.0.0.1:${port}`)}`));
    client.on('error', () => undefined);
    const connecting = client.connect().catch(() => undefined);
    const [socket] = (await once(server, 'connection')) as [Socket];
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk[0]).toBe(first);
    client.disconnect();
    socket.destroy();
    server.close();
    await connecting;
  });

  it('of rediss+sentinel:// has TLS for the master behind the sentinels', () => {
    const client = clientOf(parseRedisUrl('rediss+sentinel://a/primary'));
    expect(client.options).toMatchObject({ tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true });
    const plain = clientOf(parseRedisUrl('redis+sentinel://a/primary'));
    expect(plain.options).toMatchObject({ enableTLSForSentinelMode: false });
  });

  it('of rediss+cluster:// asks each node by the name that its certificate is for', async () => {
    const { dnsLookup } = (clientOf(parseRedisUrl('rediss+cluster://node.example')) as Cluster).options;
    const told = await new Promise((resolve) => {
      dnsLookup!('node.example', (error, address) => {
        resolve([error, address]);
      });
    });
    expect(told).toEqual([null, 'node.example']);
  });
});
