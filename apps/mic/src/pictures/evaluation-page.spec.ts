import type { Evaluation } from '@mic/model-evaluation';
import { describe, expect, it } from 'vitest';
import { printEvaluation } from '../print-evaluation';
import { evaluationPage } from './evaluation-page';

const AT = [10, 50];
const NAMES = ['HR', 'NDCG', 'Recall', 'MRR'].flatMap((kind) => AT.map((cut) => `${kind}@${cut}`));
const metrics = (value: number) => Object.fromEntries(NAMES.map((name) => [name, value]));
const intervals = (mean: number) =>
  Object.fromEntries(NAMES.map((name) => [name, { mean, low: mean - 0.01, high: mean + 0.01 }]));
const shares = { '@10': 0.1, '@50': 0.25 };
const curve = [
  { shift: 0, metrics: { 'HR@50': 0.3, 'HR@200': 0.5 }, otherItems: { 'HR@50': 0.2 }, exposure: 0.1 },
  { shift: 0.2, metrics: { 'HR@50': 0.2, 'HR@200': 0.4 }, otherItems: { 'HR@50': 0.21 }, exposure: 0.05 },
];
const EVALUATION: Evaluation = {
  formatVersion: 1,
  dataset: 'films <b>',
  encoder: 'pooled',
  protocol: 'time',
  mask: 'all',
  histories: 'frozen',
  cut: '2024-05-01T00:00:00.000Z',
  users: 40,
  cases: 50,
  at: AT,
  metrics: { u2i: metrics(0.25), merged: metrics(0.26), popularity: metrics(0.1), ease: null },
  missing: { ease: '20000 items are too many' },
  intervals: { u2i: intervals(0.25), merged: intervals(0.26), popularity: intervals(0.1) },
  differences: { 'merged - u2i': intervals(0.01) },
  models: [{ seed: 7, metrics: { u2i: metrics(0.25) } }],
  against: [],
  cuts: { newUsers: { cases: 3, metrics: { u2i: metrics(0.05) } } },
  channels: { overlap: { 'u2i ~ u2i2i': 0.2 }, union: { meanLength: 300, hitRate: 0.6, u2iOfSameLength: 0.65 } },
  coldItems: {
    items: 9,
    cases: 5,
    demand: 0.1,
    withAllUsers: curve,
    firstUsers: 10,
    withFirstUsers: curve,
    fieldsAlone: curve,
  },
  catalogue: { u2i: { coverage: shares, longTail: shares } },
  references: { popularity: { halfLifeHours: 12 } },
};

describe('an evaluation', () => {
  it('is one page that needs nothing else, with plots, and no markup from names', async () => {
    const page = await evaluationPage(EVALUATION);
    expect(page.startsWith('<!doctype html>')).toBe(true);
    expect(page.match(/<svg/g)).toHaveLength(2);
    expect(page).not.toMatch(/<script|<link|src=|<b>/);
    for (const text of ['films &lt;b&gt;', '0.2600', 'halfLifeHours 12', 'too many', '60.0 %', 'merged - u2i']) {
      expect(page).toContain(text);
    }
  });

  it('is a page without new items too, and a table for the terminal', async () => {
    expect(await evaluationPage({ ...EVALUATION, coldItems: null })).not.toContain('has not seen');
    const text = printEvaluation(EVALUATION);
    for (const part of ['50 cases of 40 users', 'ease: 20000 items', '+0.0100', 'exposure / demand']) {
      expect(text).toContain(part);
    }
  });
});
