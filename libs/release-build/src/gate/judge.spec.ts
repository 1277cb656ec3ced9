import { expect, it } from 'vitest';
import { boundsOf, gateConfigSchema, type GateFigure } from './gate-config';
import { judge, type Figure } from './judge';

const config = gateConfigSchema.parse({
  i2i: { coverage: { least: 0.5, most: 0.9 } },
  u2u: { recall: { least: null } },
});
const figures = (changes: Partial<Record<GateFigure, Figure>>): Record<GateFigure, Figure> => {
  const none = boundsOf(config).map(([name]) => [name, { missing: 'not asked' }]);
  return { ...(Object.fromEntries(none) as Record<GateFigure, Figure>), ...changes };
};
const failed = (changes: Partial<Record<GateFigure, Figure>>) =>
  judge(figures(changes), config).checks.filter(({ passed }) => !passed).map(({ name }) => name); // prettier-ignore

it('passes figures within their bounds, at them, and those that there are none of', () => {
  expect(judge(figures({ 'i2i.coverage': 0.5, 'items.recallAt100': 0.99 }), config).passed).toBe(true);
  expect(failed({ 'i2i.coverage': 0.9, 'u2u.recall': 0 })).toEqual([]);
});

it('fails figures below, above, and such that are no number', () => {
  expect(failed({ 'i2i.coverage': 0.49 })).toEqual(['i2i.coverage']);
  expect(failed({ 'i2i.coverage': 0.91 })).toEqual(['i2i.coverage']);
  expect(failed({ 'parent.itemCosine': NaN })).toEqual(['parent.itemCosine']);
  expect(judge(figures({ 'i2i.coverage': 0.91 }), config).passed).toBe(false);
});
