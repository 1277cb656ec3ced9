import { MicError } from '@mic/domain';

/** Where a Redis is, and how it is to be talked to. */
export interface RedisAddress {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** The server, the sentinels, or some nodes of the cluster. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** Sentinel's name of the master. */
  readonly masterName?: string;
  readonly database: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls: boolean;
  /** First part of every key, so that a Redis can be shared. */
  readonly prefix: string;
  /** The address without its password, for people. */
  readonly shown: string;
}

const SCHEME = /^(rediss?)(?:\+(sentinel|cluster))?:\/\//;
const NODE = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/;
/** No braces (they would change the slot), no glob characters (removal scans by pattern). */
const PREFIX = /^[A-Za-z0-9_.-]{1,64}$/;
const EXAMPLES =
  'write redis://[user:password@]host:port[/db], redis+sentinel://host:port,host:port/master-name[/db] or ' +
  'redis+cluster://host:port,host:port; rediss in place of redis for TLS; ?prefix=name for keys of their own';

/** True for an address of a Redis store, whatever else is wrong with it. */
export const isRedisUrl = (text: string): boolean => SCHEME.test(text);

/** @throws MicError INVALID_ARGUMENT saying which part is wrong; a password is never repeated. */
export function parseRedisUrl(text: string): RedisAddress {
  const scheme = SCHEME.exec(text);
  if (!scheme) throw wrong('the store address is no Redis address');
  const [rest, query = ''] = text.slice(scheme[0].length).split('?', 2) as [string, string?];
  if (/\?.*@/s.test(text)) throw wrong('a "?" in the user or the password is written %3F');
  const at = rest.lastIndexOf('@');
  const [username, ...password] = at < 0 ? [] : rest.slice(0, at).split(':');
  const [hosts, ...path] = rest.slice(at + 1).split('/') as [string, ...string[]];
  const kind = (scheme[2] ?? 'single') as RedisAddress['kind'];
  const nodes = hosts.split(',').map((node) => parseNode(node, kind === 'sentinel' ? 26_379 : 6_379));
  if (kind === 'single' && nodes.length > 1)
    throw wrong('a single Redis has one host; several need +cluster or +sentinel');
  const masterName = kind === 'sentinel' ? path.shift() : undefined;
  if (masterName === '' || (kind === 'sentinel' && masterName === undefined)) {
    throw wrong('the name of the master is missing behind the sentinels');
  }
  const database = path.shift() ?? '';
  if (!/^\d{0,5}$/.test(database) || path.some((part) => part !== ''))
    throw wrong(`"/${database}" is no database number`);
  if (kind === 'cluster' && Number(database) > 0) throw wrong('a cluster has one database only');
  return {
    kind,
    nodes,
    masterName,
    database: Number(database),
    username: username ? decoded(username) : undefined,
    password: password.length > 0 ? decoded(password.join(':')) : undefined,
    tls: scheme[1] === 'rediss',
    prefix: parsePrefix(query),
    shown: `${scheme[0]}${at < 0 ? '' : '***@'}${rest.slice(at + 1)}`,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('a "%" in the user or the password is written %25');
  }
}

function parseNode(text: string, defaultPort: number): { host: string; port: number } {
  const match = NODE.exec(text);
  const port = Number(match?.[3] ?? defaultPort);
  if (!match || port < 1 || port > 65_535) throw wrong(`"${text}" is not host:port`);
  return { host: (match[1] ?? match[2])!, port };
}

function parsePrefix(query: string): string {
  const parameters = new URLSearchParams(query);
  const unknown = [...parameters.keys()].find((name) => name !== 'prefix');
  if (unknown !== undefined) throw wrong(`there is no parameter "${unknown}"`);
  const prefix = parameters.get('prefix') ?? 'mic';
  if (!PREFIX.test(prefix)) throw wrong('a prefix is 1 to 64 letters, digits, points, dashes and underscores');
  return prefix;
}

function wrong(what: string): MicError {
  return new MicError('INVALID_ARGUMENT', what, { subject: 'store', remedy: EXAMPLES });
}
