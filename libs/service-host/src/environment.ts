import { z } from 'zod';
import { MicError } from '@mic/domain';
import { LOG_LEVELS } from '@mic/rpc';

const PREFIX = 'MIC_';

/** Variables of an app: name, how its text is read, and (by `.describe`) what it means. */
export type Variables = Readonly<Record<`${typeof PREFIX}${string}`, z.ZodType>>;

/** A whole number of a range, written in decimal digits. */
export const wholeNumber = (min: number, max: number) =>
  z.string().regex(/^\d+$/, 'is not a whole number').transform(Number).pipe(z.number().min(min).max(max));

const text = z.string().min(1);

/** What every service reads from its environment. */
export const SERVICE_VARIABLES = {
  MIC_ADDRESS: text.default('0.0.0.0:7070').describe('host:port to listen on; port 0 takes a free one'),
  MIC_STORE: text.describe('the store: a folder (LMDB), or redis://, redis+sentinel:// or redis+cluster://'),
  MIC_LOG_LEVEL: z.enum(LOG_LEVELS).default('info').describe('how much to log'),
  MIC_DRAIN_TIMEOUT_MS: wholeNumber(0, 600_000)
    .default(10_000)
    .describe('time that calls in flight get on SIGTERM, milliseconds'),
  MIC_MAX_CONCURRENT_CALLS: wholeNumber(1, 1_000_000)
    .default(1_000)
    .describe('calls that run at a time; more are refused with RESOURCE_EXHAUSTED'),
  MIC_METRICS_ADDRESS: text
    .optional()
    .describe('host:port on which GET /metrics answers Prometheus over HTTP; without it nothing does'),
  MIC_PARENT_PID: wholeNumber(1, 2 ** 31 - 1)
    .optional()
    .describe('end when this process is gone; set by `mic up`'),
} satisfies Variables;

/** What the services that open releases read besides. */
export const RELEASE_VARIABLES = {
  MIC_RELEASES: text.describe('folder that holds the releases, one folder each, named by id'),
  MIC_RELEASE_POLL_MS: wholeNumber(10, 3_600_000)
    .default(1_000)
    .describe('how often the store is asked which release is published, milliseconds'),
  MIC_RELEASE_LINGER_MS: wholeNumber(0, 3_600_000)
    .default(10_000)
    .describe('how long a release stays open after its last use, once another one is published; more than a few polls'),
  MIC_OPEN_RELEASES: wholeNumber(2, 10)
    .default(2)
    .describe('releases open at a time: while that many are in use, another one waits; each takes its memory'),
} satisfies Variables;

/** An app's configuration: the names it knows, and how it reads them. */
export interface AppConfig<V extends Variables> {
  readonly variables: V;
  /**
   * Reads the environment; a variable that is empty counts as absent.
   * @throws MicError INVALID_ARGUMENT naming every variable that is missing or wrong.
   */
  parse(env: NodeJS.ProcessEnv): { readonly [Name in keyof V]: z.output<V[Name]> };
  /** Names that begin with MIC_ and mean nothing to this app: most likely misspelt. */
  unknownNames(env: NodeJS.ProcessEnv): readonly string[];
}

/** An app's configuration from its variables. */
export function appConfig<V extends Variables>(variables: V): AppConfig<V> {
  const schema = z.object(variables);
  return {
    variables,
    parse(env) {
      const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
      const parsed = schema.safeParse(given);
      if (parsed.success) return parsed.data as { readonly [Name in keyof V]: z.output<V[Name]> };
      const wrong = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
      throw new MicError('INVALID_ARGUMENT', `the environment is not right: ${wrong.join('; ')}`, {
        subject: String(parsed.error.issues[0]?.path[0]),
        remedy: `set ${[...new Set(parsed.error.issues.map(({ path }) => String(path[0])))].join(', ')}`,
      });
    },
    unknownNames: (env) => Object.keys(env).filter((name) => name.startsWith(PREFIX) && !(name in variables)),
  };
}
