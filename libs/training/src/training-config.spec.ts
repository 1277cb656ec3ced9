import { describe, expect, it } from 'vitest';
import { parseTrainingConfig } from './training-config';

describe('parseTrainingConfig', () => {
  it('fills in defaults; flags win over the file', () => {
    const config = parseTrainingConfig({ epochs: 3, temperature: 0.2 }, ['epochs=4', 'learningRate=1e-3']);
    expect(config).toMatchObject({ epochs: 4, temperature: 0.2, learningRate: 0.001, dimension: 64 });
  });

  it.each([
    [{ epoch: 3 }, [], /epoch/],
    [{}, ['epochs=-1'], /epochs/],
    [{}, ['epochs=many'], /epochs/],
    [{}, ['epochs'], /--set epochs: no value/],
    [{ temperature: 'warm' }, [], /temperature/],
  ] as [object, string[], RegExp][])('refuses %j %j and says why', (file, settings, message) => {
    expect(() => parseTrainingConfig(file, settings)).toThrow(message);
  });

  it('lists the knobs when one is unknown', () => {
    expect(() => parseTrainingConfig({ foo: 1 })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', remedy: expect.stringContaining('temperature') }),
    );
  });
});
