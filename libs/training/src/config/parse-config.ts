import { z } from 'zod';
import { MicError } from '@mic/domain';
import { DEFAULTS, ENCODER_DEFAULTS } from './encoder-defaults';
import { ENCODER_NAMES, type EncoderName } from './encoder-names';
import { trainingConfigSchema, type TrainingConfig } from './training-config';

type Tree = Record<string, unknown>;

/** Names of all knobs, as `--set` takes them. */
export const KNOBS: readonly string[] = namesOf(DEFAULTS as unknown as Tree);

/**
 * A checked configuration: the encoder's defaults, over them what a file says, over it `--set group.name=value` flags.
 *
 * @param encoder of the command line; undefined: the file's, else pooled.
 * @throws MicError INVALID_ARGUMENT that names the knob, and the knobs that there are.
 */
export function parseTrainingConfig(
  file: unknown = {},
  settings: readonly string[] = [],
  encoder?: EncoderName,
): TrainingConfig {
  const given = isTree(file) ? file : {};
  const chosen = encoder ?? (given.encoder as EncoderName | undefined) ?? 'pooled';
  const own = ENCODER_NAMES.includes(chosen) ? ENCODER_DEFAULTS[chosen] : {};
  const config = [own as Tree, given, ...settings.map(parseSetting)].reduce<Tree>(merge, DEFAULTS as unknown as Tree);
  const parsed = trainingConfigSchema.safeParse({ ...config, encoder: chosen });
  if (parsed.success) return parsed.data;
  throw new MicError('INVALID_ARGUMENT', `training configuration: ${z.prettifyError(parsed.error)}`, {
    subject: 'config',
    remedy: `the knobs are ${KNOBS.join(', ')}`,
  });
}

function parseSetting(setting: string): Tree {
  const equals = setting.indexOf('=');
  if (equals < 1) {
    throw new MicError('INVALID_ARGUMENT', `--set ${setting}: no value`, { remedy: 'write --set group.name=value' });
  }
  const path = setting.slice(0, equals).split('.');
  return path.reduceRight<unknown>((value, name) => ({ [name]: value }), valueOf(setting.slice(equals + 1))) as Tree;
}

function valueOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merge(under: Tree, over: Tree): Tree {
  const merged = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const below = under[name];
    merged[name] = isTree(below) && isTree(value) ? merge(below, value) : value;
  }
  return merged;
}

function namesOf(tree: Tree): string[] {
  return Object.entries(tree).flatMap(([name, value]) =>
    isTree(value) ? namesOf(value).map((inner) => `${name}.${inner}`) : [name],
  );
}
