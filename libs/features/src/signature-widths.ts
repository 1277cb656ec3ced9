import type { SignatureFile, SignatureWidths, TensorInterface } from './tower-signature';

/** What an input or output must be; `free`: its last axis may be of any length. */
interface Rule {
  readonly dtype: TensorInterface['dtype'];
  readonly ranks: readonly number[];
  readonly free?: boolean;
}

const VALUES: Rule = { dtype: 'float32', ranks: [2] };
const CODES: Rule = { dtype: 'int64', ranks: [2] };
const RULES: Readonly<Record<string, Rule>> = {
  user_row: VALUES,
  profile: CODES,
  history: { ...CODES, free: true },
  user_vectors: { dtype: 'float32', ranks: [2, 3] },
  item_row: VALUES,
  fields: CODES,
  users_pooled: VALUES,
  item_vectors: VALUES,
};

/** An interface as errors show it, e.g. `int64 [batch, 50]`. */
export const showInterface = ({ dtype, shape }: { dtype: string; shape: readonly (number | string)[] }): string =>
  `${dtype} [${shape.map((axis) => (axis === '' ? '?' : axis)).join(', ')}]`;

/**
 * The numbers that follow from a signature's shapes, and everything in it that does not fit: element types, ranks, axes
 * that are of any length, numbers that disagree with shapes, the two towers with each other.
 */
export function deriveWidths(file: SignatureFile): {
  readonly widths: SignatureWidths;
  readonly problems: readonly string[];
} {
  const { userTower, itemTower } = file;
  const all = { ...userTower.inputs, ...userTower.outputs, ...itemTower.inputs, ...itemTower.outputs };
  const problems = Object.entries(all).flatMap(([name, tensor]) => shapeProblems(name, tensor, RULES[name]!));
  for (const [tower, { inputs }] of Object.entries({ userTower, itemTower })) {
    if (Object.keys(inputs).length === 0) problems.push(`${tower} has no inputs: it reads one at least`);
  }
  /** A number from the shape of a tensor, held against the one that stands in the file. */
  const width = (name: keyof SignatureFile & keyof SignatureWidths, of: string, axis: number, none: number): number => {
    const tensor = (all as Record<string, TensorInterface | undefined>)[of];
    const stated = file[name] as number | undefined;
    const found = tensor?.shape.at(axis);
    if (typeof found !== 'number') return stated ?? none;
    if (stated !== undefined && stated !== found) {
      problems.push(`${name} is ${stated}, and ${of} is ${showInterface(tensor!)}: ${name} must be ${found}`);
    }
    return found;
  };
  const dimension = width('dimension', 'user_vectors', -1, 0);
  const ofItems = itemTower.outputs.item_vectors.shape.at(-1);
  if (typeof ofItems === 'number' && ofItems !== dimension) {
    problems.push(`the user tower gives vectors of ${dimension} numbers and the item tower of ${ofItems}`);
  }
  const severalVectors = userTower.outputs.user_vectors.shape.length === 3;
  if (!severalVectors && (file.vectorsPerUser ?? 1) !== 1) {
    problems.push(`vectorsPerUser is ${file.vectorsPerUser}, and user_vectors has no axis for them`);
  }
  const history = userTower.inputs.history?.shape[1];
  if (typeof history === 'string' && file.longestHistory === undefined) {
    problems.push(`history is of any length (${history}): longestHistory must say how many events are fed at most`);
  }
  const idDimension = width('idDimension', userTower.inputs.user_row ? 'user_row' : 'users_pooled', 1, 0);
  const pooled = itemTower.inputs.users_pooled?.shape[1];
  if (typeof pooled === 'number' && pooled !== idDimension) {
    problems.push(`users_pooled has ${pooled} numbers, and an id row of a user (user_row) ${idDimension}`);
  }
  const itemIdDimension = width('itemIdDimension', 'item_row', 1, 0);
  const masked = (name: 'maskedUserRow' | 'maskedItemRow', length: number): readonly number[] => {
    const row = file[name] ?? Array.from({ length }, () => 0);
    if (row.length !== length) problems.push(`${name} has ${row.length} numbers, not ${length}`);
    return row;
  };
  return {
    widths: {
      dimension,
      vectorsPerUser: severalVectors ? width('vectorsPerUser', 'user_vectors', 1, 1) : 1,
      longestHistory: width('longestHistory', 'history', 1, 1),
      idDimension,
      itemIdDimension,
      profileWidth: width('profileWidth', 'profile', 1, 0),
      itemFieldsWidth: width('itemFieldsWidth', 'fields', 1, 0),
      maskedUserRow: masked('maskedUserRow', idDimension),
      maskedItemRow: masked('maskedItemRow', itemIdDimension),
    },
    problems,
  };
}

function shapeProblems(name: string, tensor: TensorInterface, { dtype, ranks, free = false }: Rule): string[] {
  const { shape } = tensor;
  const problems: string[] = [];
  const is = `${name} is ${showInterface(tensor)}`;
  if (tensor.dtype !== dtype) problems.push(`${is}: ${dtype} is fed and taken`);
  if (!ranks.includes(shape.length)) {
    problems.push(`${is}: ${ranks.join(' or ')} axes are needed`);
    return problems;
  }
  if (typeof shape[0] === 'number') problems.push(`${is}: the first axis must be a text, the batch is of any length`);
  const lengths = shape.slice(1);
  if (!free && lengths.some((axis) => typeof axis === 'string')) {
    problems.push(`${is}: every axis but the first must be a number`);
  }
  return problems;
}
