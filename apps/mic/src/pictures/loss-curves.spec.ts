import { describe, expect, it } from 'vitest';
import { drawLossCurves } from './loss-curves';

const steps = (step: number, losses: object) => ({ kind: 'steps' as const, step, losses });

describe('drawLossCurves', () => {
  it('draws a curve for each loss, their sum, and each validation figure', async () => {
    const svg = await drawLossCurves([
      steps(10, { softmax: 3, userUser: 1 }),
      steps(20, { softmax: 2, userUser: 0.5 }),
      { kind: 'epoch', step: 20, ...{ validation: { 'HR@10': 0.2 } } },
    ]);
    expect(svg.startsWith('<svg')).toBe(true);
    for (const name of ['all', 'softmax', 'userUser', 'HR@10', 'validation']) expect(svg).toContain(`>${name}<`);
  });

  it('leaves the second picture out where nothing was validated, and draws a run without any line', async () => {
    const svg = await drawLossCurves([steps(10, { softmax: 3 }), steps(20, { softmax: 2 })]);
    expect(svg).not.toContain('>validation<');
    expect(svg).not.toContain('>all<');
    expect((await drawLossCurves([])).startsWith('<svg')).toBe(true);
  });
});
