import { describe, expect, it } from 'vitest';
import { recallTiny } from './testing/recall-tiny';
import { history, tinyPorts } from './testing/tiny-world';
import { UserFields } from './user-fields';

const fields = new UserFields({
  userFields: [
    { name: 'age', type: 'numeric', boundaries: [18, 40] },
    { name: 'likes', type: 'multi', vocabulary: ['jazz', 'rock'], width: 2 },
    { name: 'land', type: 'categorical', vocabulary: ['at', 'ch'] },
  ],
});

describe('UserFields', () => {
  it('puts given fields in the places of stored ones, and leaves the others', () => {
    const stored = Int32Array.of(1, 1, 0, 2);
    expect([...fields.over(stored, fields.encode({ age: 41, likes: ['rock', 'jazz'] }))]).toEqual([3, 2, 1, 2]);
    expect([...stored]).toEqual([1, 1, 0, 2]);
    expect([...fields.over(null, fields.encode({ land: 'at' }))]).toEqual([0, 0, 0, 1]);
  });

  it('refuses a field that there is not', () => {
    const refused = () => fields.encode({ size: 3 });
    expect(refused).toThrow(/user_fields: there is no field "size"/);
    expect(refused).toThrow(expect.objectContaining({ subject: 'user_fields["size"]' }) as Error);
  });
});

describe('a request with fields of its user', () => {
  const shown: (number[] | null)[] = [];
  const { embedder, store } = tinyPorts();
  const setup = {
    ports: {
      embedder: {
        embed: ((releaseId, input, options) => {
          shown.push(input.profile && [...input.profile]);
          return embedder.embed(releaseId, input, options);
        }) satisfies typeof embedder.embed,
      },
    },
  };

  it('shows them to the tower, for users known and unknown', async () => {
    await recallTiny({ userId: 'x', userFields: { age: 20 } }, setup);
    await recallTiny({ userId: 'x' }, setup);
    const userContext = async () => ({
      userKnown: true,
      userRow: Float32Array.of(1, 0),
      profile: Int32Array.of(1),
      history: history('a'),
    });
    await recallTiny({ userFields: { age: 77 } }, { ...setup, store: { ...store, userContext } });
    expect(shown).toEqual([[2], null, [3]]);
  });

  it('is refused for a field that there is not, before anything is asked', async () => {
    const refused = recallTiny(
      { userFields: { size: 3 } },
      { store: { userContext: () => Promise.reject(new Error('asked')) } },
    );
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', subject: 'user_fields["size"]' });
  });
});
