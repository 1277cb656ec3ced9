import { MicError } from '@mic/domain';
import { showInterface, type TensorInterface, type TowerSignature } from '@mic/features';
import type { ModelSession, OnnxInterface } from './session';

/** What a tower is to read and give, by name. */
export interface TowerInterface {
  readonly inputs: Readonly<Record<string, TensorInterface | undefined>>;
  readonly outputs: Readonly<Record<string, TensorInterface | undefined>>;
}

/** Everything in which a model differs from what a signature says of it: names, element types and axes. */
export function towerDifferences(session: ModelSession, { inputs, outputs }: TowerInterface): string[] {
  return [
    ...session.inputNames
      .filter((name) => inputs[name] === undefined)
      .map((name) => `unknown input ${name} (${show(session.inputInterface(name))})`),
    ...Object.entries(inputs).flatMap(([name, wanted]) =>
      wanted ? difference(`input ${name}`, session.inputInterface(name), wanted, name === 'history') : [],
    ),
    ...Object.entries(outputs).flatMap(([name, wanted]) =>
      wanted ? difference(`output ${name}`, session.outputInterface(name), wanted, true) : [],
    ),
  ];
}

/**
 * Holds a model against its part of a signature.
 *
 * @throws MicError FAILED_PRECONDITION naming everything that differs.
 */
export function checkTower(session: ModelSession, tower: 'user' | 'item', signature: TowerSignature): void {
  const differences = towerDifferences(session, tower === 'user' ? signature.userTower : signature.itemTower);
  if (differences.length === 0) return;
  throw new MicError(
    'FAILED_PRECONDITION',
    `the ${tower} tower does not meet its signature: ${differences.join('; ')}`,
    {
      subject: `towers/${tower}.onnx`,
      remedy: 'build the release again, so that the tower and its signature come from one export',
    },
  );
}

/** @param symbolic whether an axis of fixed length may be of any length in the model. */
function difference(what: string, found: OnnxInterface | null, wanted: TensorInterface, symbolic: boolean): string[] {
  if (!found) return [`no ${what}`];
  // An output without axes is one of unknown rank, or a single number: which it is shows when the model runs.
  const unknownRank = what.startsWith('output') && found.shape.length === 0;
  const fits = wanted.shape.every((axis, i) => {
    const length = found.shape[i];
    return length === axis || (typeof length === 'string' && (typeof axis === 'string' || symbolic));
  });
  if (found.dtype === wanted.dtype && (unknownRank || (found.shape.length === wanted.shape.length && fits))) return [];
  return [`${what} is ${showInterface(found)}, not ${showInterface(wanted)}`];
}

const show = (found: OnnxInterface | null): string => (found ? showInterface(found) : 'no tensor');
