import { describe, expect, it } from 'vitest';
import { fullSignature } from './full-signature';
import { towerSignatureSchema } from './tower-signature';

const float32 = (...shape: (number | string)[]) => ({ dtype: 'float32', shape });
const int64 = (...shape: (number | string)[]) => ({ dtype: 'int64', shape });

/** Everything that a signature of two towers with all inputs must say. */
const LEAST = {
  formatVersion: 2,
  userTower: {
    inputs: { user_row: float32('batch', 3), profile: int64('batch', 2), history: int64('batch', 5) },
    outputs: { user_vectors: float32('batch', 2, 4) },
  },
  itemTower: {
    inputs: { item_row: float32('batch', 6), fields: int64('batch', 1), users_pooled: float32('batch', 3) },
    outputs: { item_vectors: float32('batch', 4) },
  },
};
const WIDTHS = {
  dimension: 4,
  vectorsPerUser: 2,
  longestHistory: 5,
  idDimension: 3,
  itemIdDimension: 6,
  profileWidth: 2,
  itemFieldsWidth: 1,
  maskedUserRow: [0, 0, 0],
  maskedItemRow: [0, 0, 0, 0, 0, 0],
};
type Changed = Record<string, object | number | readonly number[]>;

/** LEAST with inputs and outputs replaced; one that is undefined is left out. */
function changed(user: object, item: object, rest: Changed = {}): unknown {
  const { userTower, itemTower } = LEAST;
  const merged = (tower: typeof userTower | typeof itemTower, changes: object) => {
    const all: Record<string, unknown> = { ...tower.inputs, ...tower.outputs, ...changes };
    const split = (outputs: boolean) =>
      Object.fromEntries(
        Object.entries(all).filter(([name, value]) => value !== undefined && name.endsWith('_vectors') === outputs),
      );
    return { inputs: split(false), outputs: split(true) };
  };
  return JSON.parse(
    JSON.stringify({ ...LEAST, userTower: merged(userTower, user), itemTower: merged(itemTower, item), ...rest }),
  );
}
const problemsOf = (file: unknown): string[] => {
  const parsed = towerSignatureSchema.safeParse(file);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => [...path, message].join(' '));
};

describe('a signature', () => {
  it('gives what follows from its shapes', () => {
    const signature = towerSignatureSchema.parse(LEAST);
    expect(signature).toEqual({ ...LEAST, encoder: 'external', normalise: false, ...WIDTHS });
    expect(towerSignatureSchema.parse(JSON.parse(JSON.stringify(signature)))).toEqual(signature);
    expect(fullSignature(WIDTHS)).toEqual(signature);
  });

  it('has no width for inputs that are left out, and one vector where users have no axis of them', () => {
    const least = changed(
      { user_row: undefined, profile: undefined, user_vectors: float32('n', 4) },
      { fields: undefined, users_pooled: undefined },
    );
    expect(towerSignatureSchema.parse(least)).toMatchObject({
      vectorsPerUser: 1,
      idDimension: 0,
      profileWidth: 0,
      itemFieldsWidth: 0,
      itemIdDimension: 6,
      maskedUserRow: [],
    });
  });

  it('takes the users’ id rows from the item tower where the user tower reads none', () => {
    expect(towerSignatureSchema.parse(changed({ user_row: undefined }, {})).idDimension).toBe(3);
  });

  it('takes a history of any length with the longest one', () => {
    const open = changed({ history: int64('batch', 'time') }, {}, { longestHistory: 7 });
    expect(towerSignatureSchema.parse(open).longestHistory).toBe(7);
  });

  it.each([
    ['an input of another name', changed({ hist: int64('batch', 5) }, {}), 'userTower inputs Unrecognized key: "hist"'],
    ['another element type', changed({ history: float32('batch', 5) }, {}), 'history is float32 [batch, 5]: int64 is fed and taken'],
    ['another rank', changed({}, { item_row: float32('batch', 6, 1) }), 'item_row is float32 [batch, 6, 1]: 2 axes are needed'],
    ['a batch of one length', changed({ profile: int64(1, 2) }, {}), 'profile is int64 [1, 2]: the first axis must be a text, the batch is of any length'],
    ['an axis of any length', changed({ profile: int64('batch', 'p') }, {}), 'profile is int64 [batch, p]: every axis but the first must be a number'],
    ['vectors of two lengths', changed({}, { item_vectors: float32('batch', 5) }), 'the user tower gives vectors of 4 numbers and the item tower of 5'],
    ['a history without an end', changed({ history: int64('batch', 'time') }, {}), 'history is of any length (time): longestHistory must say how many events are fed at most'],
    ['two lengths of users’ id rows', changed({}, { users_pooled: float32('batch', 2) }), 'users_pooled has 2 numbers, and an id row of a user (user_row) 3'],
    ['a number that disagrees', changed({}, {}, { longestHistory: 9 }), 'longestHistory is 9, and history is int64 [batch, 5]: longestHistory must be 5'],
    ['a mask row of another length', changed({}, {}, { maskedUserRow: [1] }), 'maskedUserRow has 1 numbers, not 3'],
    ['more vectors than there is an axis for', changed({ user_vectors: float32('batch', 4) }, {}, { vectorsPerUser: 2 }), 'vectorsPerUser is 2, and user_vectors has no axis for them'],
    ['a tower without inputs', changed({}, { item_row: undefined, fields: undefined, users_pooled: undefined }), 'itemTower has no inputs: it reads one at least'],
  ])('with %s is refused', (_what, file, problem) => {
    expect(problemsOf(file)).toEqual([problem]);
  }); // prettier-ignore
});
