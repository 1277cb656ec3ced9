import { knobNames, parseSettings, type SettingsTree } from '@mic/settings';
import { DEFAULTS, ENCODER_DEFAULTS } from './encoder-defaults';
import { ENCODER_NAMES, type EncoderName } from './encoder-names';
import { trainingConfigSchema, type TrainingConfig } from './training-config';

const ALL = DEFAULTS as unknown as SettingsTree;

/** Names of all knobs, as `--set` takes them. */
export const KNOBS: readonly string[] = knobNames(ALL);

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
  const given = (typeof file === 'object' && file !== null && !Array.isArray(file) ? file : {}) as SettingsTree;
  const chosen = encoder ?? (given.encoder as EncoderName | undefined) ?? 'pooled';
  const own = (ENCODER_NAMES.includes(chosen) ? ENCODER_DEFAULTS[chosen] : {}) as SettingsTree;
  return parseSettings({
    schema: trainingConfigSchema.refine((config) => config.encoder === chosen, 'choose the encoder with --encoder'),
    what: 'training configuration',
    defaults: ALL,
    layers: [own, given, { encoder: chosen }],
    settings,
  });
}
