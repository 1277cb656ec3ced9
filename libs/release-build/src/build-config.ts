import { knobNames, parseSettings, type SettingsTree } from '@mic/settings';
import { z } from 'zod';
import { gateConfigSchema } from './gate/gate-config';

/** Knobs of a release build; every one has a default. */
export const buildConfigSchema = z.strictObject({
  /** Similar users kept per user. */
  u2uLength: z.int().min(1).max(1000).default(50),
  /** Similar items kept per item. */
  i2iLength: z.int().min(1).max(1000).default(100),
  /** Items kept for each user, for the time in which the index does not answer; 0: no such lists. */
  u2iLength: z.int().min(0).max(1000).default(0),
  /** Most popular items kept, of all and of each category. */
  popularLength: z.int().min(1).max(10_000).default(200),
  /** How far items that training has not seen are moved from the mean user (see newItemPlacer). */
  newItemShifts: z
    .strictObject({
      fieldsAlone: z.number().min(-2).max(2).default(-0.2),
      withUsers: z.number().min(-2).max(2).default(0.8),
    })
    .prefault({}),
  /** Below this number of items (or users) their index is exact: faster there, and never wrong. */
  exactIndexBelow: z.int().min(0).default(10_000),
  /** Below this number of items (or users) their lists are searched exactly, whatever the index. */
  exactListsBelow: z.int().min(0).default(50_000),
  hnsw: z
    .strictObject({
      m: z.int().min(2).max(100).default(16),
      efConstruction: z.int().min(10).max(2000).default(200),
      /** Search width; doubled where an index finds less than its gate asks for. */
      ef: z.int().min(10).max(4000).default(200),
    })
    .prefault({}),
  /** Users evaluated at most; a larger dataset is sampled with the model's seed. */
  evaluatedUsers: z.int().min(1).default(5_000),
  /** What a release must meet to be published. */
  gate: gateConfigSchema.prefault({}),
});
export type BuildConfig = z.infer<typeof buildConfigSchema>;

const DEFAULTS: SettingsTree = buildConfigSchema.parse({});

/** Names of all knobs of a build, as `--set` takes them. */
export const BUILD_KNOBS: readonly string[] = knobNames(DEFAULTS);

/**
 * A checked configuration: the defaults, over them what a file says, over it `--set group.name=value` flags.
 *
 * @throws MicError INVALID_ARGUMENT that names the knob, and the knobs that there are.
 */
export function parseBuildConfig(file: unknown = {}, settings: readonly string[] = []): BuildConfig {
  const layers = [file as SettingsTree];
  return parseSettings({
    schema: buildConfigSchema,
    what: 'build configuration',
    defaults: DEFAULTS,
    layers,
    settings,
  });
}
