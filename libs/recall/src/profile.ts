import { z } from 'zod';
import { hashIds, MicError } from '@mic/domain';
import { count, milliseconds } from './channel-settings';
import { CHANNEL_SETTINGS } from './channels/registry';

/** One named set of recall parameters. Every value has a default, and unknown keys are refused. */
export const profileSchema = z
  .strictObject({
    /** Items returned when the request does not say how many, and at most. */
    n: z.strictObject({ default: count(10_000).default(20), max: count(10_000).default(1_000) }).prefault({}),
    /** Time for a request whose caller sets no deadline, milliseconds. */
    timeoutMs: milliseconds.default(500),
    /** Time for reading the user's history and profile, milliseconds; at most contextShare of what there is. */
    contextTimeoutMs: milliseconds.default(250),
    /** Share of the time that the history may take, so that the channels that can do without it have the rest. */
    contextShare: z.number().min(0.01).max(1).default(0.4),
    /** Time kept back for merge, rerank and the way to the caller, milliseconds; at most half of all, at least reserveShare. */
    reserveMs: z.number().min(0).max(60_000).default(8),
    /** Share of the time kept back: what is lost on the way grows with the load, as deadlines do with patience. */
    reserveShare: z.number().min(0).max(0.9).default(0.25),
    /** Events read of a user's history. */
    historyLimit: count(10_000).default(1_000),
    /** As hedgeAfterMs of a channel, for reading the user's history and profile. */
    contextHedgeAfterMs: milliseconds.optional(),
    /** With less time than this a channel asks for less, in proportion: fewer triggers, a smaller search width. Milliseconds. */
    fullEffortMs: milliseconds.default(20),
    /** What it asks for at least, as a share of its numbers. */
    leastEffort: z.number().min(0.01).max(1).default(0.25),
    /** What a request may change. */
    overrides: z
      .strictObject({
        /** Counts may be raised to so many times those of the profile; 0: nothing may be changed. */
        most: z.number().min(0).max(1_000).default(4),
      })
      .prefault({}),
    channels: z.strictObject(CHANNEL_SETTINGS).prefault({}),
    rerank: z
      .strictObject({
        /** How the list is made of the scored candidates. */
        order: z
          .discriminatedUnion('kind', [
            /** By score. */
            z.strictObject({ kind: z.literal('score') }),
            /** By score, with at most `most` items of one category among any `size` in a row. */
            z.strictObject({ kind: z.literal('window'), size: count(1_000), most: count(1_000) }),
            /** Greedy maximal marginal relevance over the `pool` best: `lambda` is what the score counts. */
            z.strictObject({
              kind: z.literal('mmr'),
              lambda: z.number().min(0).max(1),
              pool: count(2_000).default(200),
            }),
          ])
          .prefault({ kind: 'score' }),
        weights: z
          .strictObject({
            basic: z.number().default(1),
            repetition: z.number().default(0.5),
            diversity: z.number().default(0.2),
            /** Evidence of similar users and of similar items; not in the paper, for `mic tune` to set. */
            similarUsers: z.number().default(0),
            similarItems: z.number().default(0),
          })
          .prefault({}),
        scales: z
          .strictObject({
            basic: z.enum(['raw', 'unit', 'zscore']).default('zscore'),
            repetition: z.enum(['raw', 'unit', 'zscore']).default('unit'),
            diversity: z.enum(['raw', 'fraction', 'zscore']).default('fraction'),
          })
          .prefault({}),
      })
      .prefault({}),
  })
  .refine(({ n }) => n.default <= n.max, { path: ['n'], error: 'the default n is above the largest' });
export type RecallProfile = z.infer<typeof profileSchema>;

const profilesSchema = z
  .strictObject({
    /** Name of the profile for requests that name none. */
    default: z.string().min(1),
    profiles: z.record(z.string().min(1), profileSchema),
    /** Requests that name no profile are answered by one of these, each user always by the same one; the default without it. */
    split: z
      .strictObject({
        /** Another text makes other groups of users. */
        salt: z.string().default(''),
        /** What part of the users each profile gets: its share of their sum. */
        shares: z.record(z.string().min(1), z.number().min(0)),
      })
      .optional(),
  })
  .superRefine(({ default: wanted, profiles, split }, context) => {
    const names = Object.keys(profiles);
    const refuse = (path: string[], message: string): void => {
      context.addIssue({ code: 'custom', path, message });
    };
    if (!names.includes(wanted)) {
      refuse(['default'], `the default profile "${wanted}" is not among ${names.join(', ')}`);
    }
    for (const name of Object.keys(split?.shares ?? {})) {
      if (!names.includes(name))
        refuse(['split', 'shares', name], `there is no such profile among ${names.join(', ')}`);
    }
    const shares = Object.values(split?.shares ?? { any: 1 });
    if (shares.reduce((a, b) => a + b, 0) <= 0) refuse(['split', 'shares'], 'one share must be above 0');
  });

/** Named parameter sets, and which one is used where a request names none. */
export interface Profiles {
  readonly default: string;
  readonly profiles: Readonly<Record<string, RecallProfile>>;
  readonly split?: { readonly salt: string; readonly shares: Readonly<Record<string, number>> };
}

/** One profile, `default`, with every default. */
export const DEFAULT_PROFILES: Profiles = profilesSchema.parse({ default: 'default', profiles: { default: {} } });

/**
 * Profiles from the text of a JSON file: {"default": "a", "profiles": {"a": {...}, ...}}; what a profile leaves out takes
 * its default.
 *
 * @throws MicError INVALID_ARGUMENT that names the file and the place in it.
 */
export function parseProfiles(text: string, fileName: string): Profiles {
  const refuse = (why: string): never => {
    throw new MicError('INVALID_ARGUMENT', `profile file ${fileName}: ${why}`, {
      subject: fileName,
      remedy: 'mend the file; until then the profiles that are loaded stay in use',
    });
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return refuse(`it is not JSON (${(error as Error).message})`);
  }
  const parsed = profilesSchema.safeParse(json);
  return parsed.success ? parsed.data : refuse(z.prettifyError(parsed.error));
}

/** The profile of requests that name none, where users are not split among several. */
export const defaultProfile = (all: Profiles): RecallProfile => all.profiles[all.default]!;

/** Largest `n` that any profile allows. */
export const largestN = ({ profiles }: Profiles): number => Math.max(...Object.values(profiles).map(({ n }) => n.max));

/** A profile as a request is answered by it. */
export interface PickedProfile {
  readonly name: string;
  readonly profile: RecallProfile;
  /** Names its content: 16 hexadecimal digits, the same wherever and whenever the same values are in force. */
  readonly hash: string;
}

/**
 * The profile of that name; for '' that of the user's share, or the default one.
 *
 * @throws MicError INVALID_ARGUMENT naming those that exist.
 */
export function pickProfile(all: Profiles, name: string, userId: string): PickedProfile {
  const wanted = name === '' ? (all.split ? ofUser(userId, all.split) : all.default) : name;
  if (!Object.hasOwn(all.profiles, wanted)) {
    throw new MicError('INVALID_ARGUMENT', `there is no profile "${wanted}"`, {
      subject: 'profile',
      remedy: `use one of ${Object.keys(all.profiles).join(', ')}, or leave it empty`,
    });
  }
  const profile = all.profiles[wanted]!;
  return { name: wanted, profile, hash: profileHash(profile) };
}

/** The user's place from 0 up to 1, by a hash of salt and id, falls into the share of one profile. */
function ofUser(userId: string, { salt, shares }: NonNullable<Profiles['split']>): string {
  const [low, high] = hashIds([`${salt}/${userId}`]);
  const place = (high! * 2 ** 32 + low!) / 2 ** 64;
  const entries = Object.entries(shares).filter(([, share]) => share > 0);
  const sum = entries.reduce((total, [, share]) => total + share, 0);
  let end = 0;
  for (const [name, share] of entries) {
    end += share / sum;
    if (place < end) return name;
  }
  return entries.at(-1)![0];
}

/** Profiles do not change: one that is loaded anew is another object. */
const HASHES = new WeakMap<RecallProfile, string>();

/** Names the content of a profile, see PickedProfile. */
export function profileHash(profile: RecallProfile): string {
  const known = HASHES.get(profile);
  if (known !== undefined) return known;
  const [low, high] = hashIds([sortedJson(profile)]);
  const hash = [high!, low!].map((word) => word.toString(16).padStart(8, '0')).join('');
  HASHES.set(profile, hash);
  return hash;
}

/** JSON in which the order of keys says nothing. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
