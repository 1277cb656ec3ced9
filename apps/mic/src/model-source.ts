import { MicError } from '@mic/domain';
import type { ModelSource } from './run-build';

/** The flags that say what a release is built from. */
export interface ModelFlags {
  readonly model?: string;
  readonly userTower?: string;
  readonly itemTower?: string;
  readonly signature?: string;
}

/**
 * The model folder, or the three files of towers that were trained elsewhere.
 *
 * @throws MicError INVALID_ARGUMENT when both are given, neither, or not all three files.
 */
export function modelSource({ model, userTower, itemTower, signature }: ModelFlags): ModelSource {
  const files = Object.entries({ '--user-tower': userTower, '--item-tower': itemTower, '--signature': signature });
  const given = files.filter(([, file]) => file !== undefined).map(([flag]) => flag);
  const missing = files.filter(([, file]) => file === undefined).map(([flag]) => flag);
  if (model !== undefined && given.length > 0) {
    throw refused(`--model and ${given.join(', ')} exclude one another`, 'give one model: a folder, or three files');
  }
  if (model !== undefined) return model;
  if (userTower !== undefined && itemTower !== undefined && signature !== undefined) {
    return { userTower, itemTower, signature };
  }
  if (given.length === 0) {
    const remedy = 'give --model DIR, or --user-tower FILE --item-tower FILE --signature FILE';
    throw refused('there is no model to build a release from', remedy);
  }
  throw refused(
    `${given.join(' and ')} needs ${missing.join(' and ')}`,
    'give all three files; docs/towers.md tells them',
  );
}

function refused(message: string, remedy: string): MicError {
  return new MicError('INVALID_ARGUMENT', message, { subject: 'model', remedy });
}
