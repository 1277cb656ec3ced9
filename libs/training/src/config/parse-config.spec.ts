import { describe, expect, it } from 'vitest';
import { ENCODER_NAMES } from './encoder-names';
import { KNOBS, parseTrainingConfig } from './parse-config';

describe('parseTrainingConfig', () => {
  it('fills in defaults; flags win over the file, which wins over the encoder’s defaults', () => {
    const file = { encoder: 'multi-decay', loop: { epochs: 3 }, softmax: { temperature: 0.2 } };
    const config = parseTrainingConfig(file, ['loop.epochs=4', 'optimiser.learningRate=1e-3', 'softmax.maskSeen=true']);
    expect(config).toMatchObject({
      encoder: 'multi-decay',
      loop: { epochs: 4, windows: 2 },
      softmax: { temperature: 0.2, maskSeen: true },
      optimiser: { learningRate: 0.001 },
      model: { longestHistory: 200, dimension: 64 },
    });
    expect(parseTrainingConfig({}, [], 'sasrec').encoder).toBe('sasrec');
    expect(parseTrainingConfig().encoder).toBe('pooled');
  });

  it.each(ENCODER_NAMES)('knows defaults for %s', (encoder) => {
    expect(parseTrainingConfig({}, [], encoder).encoder).toBe(encoder);
  });

  it.each([
    [{ loop: { epoch: 3 } }, [], /epoch/],
    [{ lop: {} }, [], /lop/],
    [{}, ['loop.epochs=-1'], /epochs/],
    [{}, ['loop.epochs=many'], /epochs/],
    [{}, ['epochs=3'], /epochs/],
    [{}, ['loop.epochs'], /--set loop.epochs: no value/],
    [{ softmax: { temperature: 'warm' } }, [], /temperature/],
    [{ encoder: 'bert' }, [], /encoder/],
  ] as [object, string[], RegExp][])('refuses %j %j and says why', (file, settings, message) => {
    expect(() => parseTrainingConfig(file, settings)).toThrow(message);
  });

  it('lists the knobs when one is unknown', () => {
    expect(KNOBS).toContain('mic.userUser.temperature');
    expect(() => parseTrainingConfig({ foo: 1 })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', remedy: expect.stringContaining('softmax.temperature') }),
    );
  });
});
