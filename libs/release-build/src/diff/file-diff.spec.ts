import { expect, it } from 'vitest';
import { compareFiles } from './file-diff';

const file = (path: string, sha256: string, bytes: number) => ({ path, sha256, bytes });

it('tells files that are the same from those that changed, are new, or gone', () => {
  const a = { files: [file('ids', 'x', 10), file('vectors', 'y', 20), file('index', 'z', 40)] };
  const b = { files: [file('ids', 'x', 10), file('vectors', 'w', 21), file('lists', 'z', 40)] };
  expect(compareFiles(a, b)).toEqual({
    same: 1,
    sameBytes: 10,
    otherBytes: 61,
    changed: ['vectors'],
    added: ['lists'],
    gone: ['index'],
  });
});
