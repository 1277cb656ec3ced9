import { lookup } from 'node:dns/promises';
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

/**
 * The addresses that a target has just now, each a target of its own: those of a list, or all that its name has.
 *
 * @param text as grpcTarget takes it.
 * @throws MicError UNAVAILABLE when the name has none; INVALID_ARGUMENT as grpcTarget.
 */
export async function addressesOf(text: string): Promise<readonly string[]> {
  const target = grpcTarget(text);
  const list = /^ipv[46]:(.*)$/.exec(target);
  if (list) return list[1]!.split(',');
  if (target.startsWith('unix:')) return [target];
  const name = target.replace(/^dns:(?:\/\/[^/]*\/)?/, '');
  const [, host, port] = /^(.*):(\d+)$/.exec(name) ?? [undefined, name, '443'];
  const found = await lookup(host!.replace(/^\[|\]$/g, ''), { all: true }).catch((cause: unknown) => {
    throw new MicError('UNAVAILABLE', `${host} has no address: ${(cause as Error).message}`, {
      subject: text,
      remedy: 'see whether the name is right and whether pods are behind it',
      cause,
    });
  });
  return found.map(({ address, family }) => (family === 6 ? `[${address}]:${port}` : `${address}:${port}`));
}

function refused(what: string): MicError {
  return new MicError('INVALID_ARGUMENT', `wrong target: ${what}`, {
    subject: 'target',
    remedy: 'write host:port, 10.0.0.1:7070,10.0.0.2:7070 or dns:///name:7070',
  });
}
