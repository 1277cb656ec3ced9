import { MicError } from '@mic/domain';
import type { TowerSignature } from '@mic/features';
import type { ModelSession, OnnxInterface } from './session';

/**
 * Holds a model against the user tower's part of a signature: names, element types and axes.
 *
 * @throws MicError FAILED_PRECONDITION naming everything that differs.
 */
export function checkUserTower(session: ModelSession, signature: TowerSignature): void {
  const { idDimension, profileWidth, longestHistory, vectorsPerUser, dimension, maskedUserRow } = signature;
  const inputs: Record<string, OnnxInterface> = {
    user_row: { dtype: 'float32', shape: ['batch', idDimension] },
    profile: { dtype: 'int64', shape: ['batch', profileWidth] },
    history: { dtype: 'int64', shape: ['batch', longestHistory] },
  };
  const vectors: OnnxInterface = { dtype: 'float32', shape: ['batch', vectorsPerUser, dimension] };
  const differences = [
    ...session.inputNames.filter((name) => !(name in inputs)).map((name) => `unknown input ${name}`),
    ...Object.entries(inputs).flatMap(([name, wanted]) =>
      difference(`input ${name}`, session.inputInterface(name), wanted, name === 'history'),
    ),
    ...difference('output user_vectors', session.outputInterface('user_vectors'), vectors, true),
    ...(maskedUserRow.length === idDimension
      ? []
      : [`maskedUserRow has ${maskedUserRow.length} numbers, not ${idDimension}`]),
  ];
  if (differences.length === 0) return;
  throw new MicError('FAILED_PRECONDITION', `the user tower does not meet its signature: ${differences.join('; ')}`, {
    subject: 'towers/user.onnx',
    remedy: 'build the release again, so that the tower and its signature come from one export',
  });
}

/** @param symbolic whether an axis of fixed length may be symbolic in the model. */
function difference(what: string, found: OnnxInterface | null, wanted: OnnxInterface, symbolic: boolean): string[] {
  if (!found) return [`no ${what}`];
  const fits = wanted.shape.every((dim, axis) => {
    const length = found.shape[axis];
    return length === dim || (typeof length === 'string' && (typeof dim === 'string' || symbolic));
  });
  if (found.dtype === wanted.dtype && found.shape.length === wanted.shape.length && fits) return [];
  return [`${what} is ${show(found)}, not ${show(wanted)}`];
}

const show = ({ dtype, shape }: OnnxInterface): string => `${dtype} [${shape.join(', ')}]`;
