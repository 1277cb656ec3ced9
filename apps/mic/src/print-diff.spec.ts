import type { ReleaseDiff } from '@mic/release-build';
import { expect, it } from 'vitest';
import { printDiff } from './print-diff';

const agreement = { lists: 3, at: 5, overlap: 0.25, similarityCosine: null };
const check = { least: 0.5, most: null, passedA: true, passedB: false, noteA: null, noteB: null };
const DIFF: ReleaseDiff = {
  a: 'r1',
  b: 'r2',
  facts: [{ name: 'encoder', a: 'pooled', b: 'external' }],
  shape: [{ name: 'items', a: 200, b: 150, difference: -50 }],
  quality: [
    { name: 'u2i HR@50', a: 0.25, b: 0.5, difference: 0.25 },
    { name: 'u2i MRR@10', a: 0.125, b: 0.125, difference: 0 },
  ],
  gate: [
    { ...check, name: 'i2i.coverage', a: 0.75, b: 0.25, difference: -0.5 },
    { ...check, name: 'parent.hitRate', a: null, b: 1, difference: null, noteA: 'there is no parent', passedB: true },
  ],
  build: [{ name: 'peak memory bytes', a: 2 ** 30, b: 3 * 2 ** 29, difference: 2 ** 29 }],
  sizes: [{ name: 'ids', a: 100, b: 100, difference: 0 }],
  files: { same: 1, sameBytes: 2048, otherBytes: 10, changed: ['items/vectors.f32'], added: [], gone: [] },
  vocabulary: { users: { inBoth: 3, added: 2, gone: 1 }, items: { inBoth: 4, added: 0, gone: 0 } },
  lists: { u2u: agreement, i2i: { ...agreement, overlap: 1 } },
  itemCosine: 0.98765,
};

it('puts every figure of two releases in a line', () => {
  const lines = printDiff(DIFF)
    .split('\n')
    .map((line) =>
      line
        .replaceAll(/\u001b\[\d+m/g, '')
        .trim()
        .split(/ {2,}/),
    );
  expect(lines).toEqual(
    expect.arrayContaining([
      ['encoder', 'pooled', 'external', 'differs'],
      ['items', '200', '150', '-50'],
      ['u2i HR@50', '0.25', '0.5', '+0.25'],
      ['i2i.coverage', '0.75', '0.25', '-0.5', '0.5', '-', 'ok', 'out of bounds'],
      ['parent.hitRate', '-', '1', '0.5', '-', 'does not apply', 'ok'],
      ['peak memory', '1 GiB', '1.5 GiB', '+512 MiB'],
      ['ids', '100 B', '100 B'],
      ['users', '3', '2', '1'],
      ['similar users', '3', '5', '0.25', '-'],
      ["mean cosine of an item's vectors: 0.9877"],
      ['files: 1 the same (2 KiB of B), 1 changed, 0 new in B, 0 gone (10 B of B differ)'],
      ['changed: items/vectors.f32'],
    ]),
  );
  expect(lines.flat()).not.toContain('u2i MRR@10');
});
