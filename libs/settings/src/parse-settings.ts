import { z } from 'zod';
import { MicError } from '@mic/domain';

/** A configuration before it is checked: groups of knobs. */
export type SettingsTree = Readonly<Record<string, unknown>>;

export interface SettingsRequest<T> {
  readonly schema: z.ZodType<T>;
  /** In the words of messages, e.g. `training configuration`. */
  readonly what: string;
  /** All knobs at their defaults. */
  readonly defaults: SettingsTree;
  /** What is laid over the defaults, in this order: of a file, for instance. */
  readonly layers?: readonly SettingsTree[];
  /** `group.name=value`, over everything else. */
  readonly settings?: readonly string[];
}

/**
 * A checked configuration from layers of settings.
 *
 * @throws MicError INVALID_ARGUMENT that names the knob, and the knobs that there are.
 */
export function parseSettings<T>({ schema, what, defaults, layers = [], settings = [] }: SettingsRequest<T>): T {
  const parsed = schema.safeParse([...layers, ...settings.map(parseSetting)].reduce(merge, defaults));
  if (parsed.success) return parsed.data;
  throw new MicError('INVALID_ARGUMENT', `${what}: ${z.prettifyError(parsed.error)}`, {
    subject: 'config',
    remedy: `the knobs are ${knobNames(defaults).join(', ')}`,
  });
}

/** Names of all knobs of a tree, as settings take them. */
export function knobNames(tree: SettingsTree): string[] {
  return Object.entries(tree).flatMap(([name, value]) =>
    isTree(value) ? knobNames(value).map((inner) => `${name}.${inner}`) : [name],
  );
}

function parseSetting(setting: string): SettingsTree {
  const equals = setting.indexOf('=');
  if (equals < 1) {
    throw new MicError('INVALID_ARGUMENT', `--set ${setting}: no value`, { remedy: 'write --set group.name=value' });
  }
  const path = setting.slice(0, equals).split('.');
  return path.reduceRight<unknown>(
    (value, name) => ({ [name]: value }),
    valueOf(setting.slice(equals + 1)),
  ) as SettingsTree;
}

function valueOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  if (text === 'null') return null;
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
}

function isTree(value: unknown): value is SettingsTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merge(under: SettingsTree, over: SettingsTree): SettingsTree {
  const merged: Record<string, unknown> = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const below = under[name];
    merged[name] = isTree(below) && isTree(value) ? merge(below, value) : value;
  }
  return merged;
}
