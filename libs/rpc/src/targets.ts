import { MicError } from '@mic/domain';

/**
 * A target of grpc-js from what a person writes: `host:port`, `host:port,host:port,...`, or a target with a scheme such
 * as `dns:///name:port`, whose addresses (a headless Service has one for each pod) are all used.
 *
 * @throws MicError INVALID_ARGUMENT when an address lacks its port, or names and numbers are mixed in a list.
 */
export function grpcTarget(text: string): string {
  if (/^(dns|ipv4|ipv6|unix):/.test(text)) return text;
  const addresses = text.split(',').map((address) => address.trim());
  for (const address of addresses) {
    if (!/^(\[[^\]]+\]|[^:\s]+):\d{1,5}$/.test(address)) throw refused(`"${address}" is not host:port`);
  }
  if (addresses.length === 1) return addresses[0]!;
  if (addresses.every((address) => /^\d+\.\d+\.\d+\.\d+:/.test(address))) return `ipv4:${addresses.join(',')}`;
  if (addresses.every((address) => address.startsWith('['))) return `ipv6:${addresses.join(',')}`;
  throw refused('a list has numeric addresses of one kind only');
}

function refused(what: string): MicError {
  return new MicError('INVALID_ARGUMENT', `wrong target: ${what}`, {
    subject: 'target',
    remedy: 'write host:port, 10.0.0.1:7070,10.0.0.2:7070 or dns:///name:7070',
  });
}
