import { describe, expect, it } from 'vitest';
import { isColoured } from './colours';

describe('isColoured', () => {
  it.each([
    ['a terminal', true, {}, true],
    ['a pipe', false, {}, false],
    ['a pipe of a continuous-integration machine', false, { CI: 'true' }, false],
    ['a terminal that knows no colours', true, { TERM: 'dumb' }, false],
    ['a terminal, unwanted', true, { NO_COLOR: '1' }, false],
    ['a pipe, wanted', false, { FORCE_COLOR: '1' }, true],
    ['a terminal, switched off', true, { FORCE_COLOR: '0' }, false],
    ['both said', true, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
  ])('%s', (_what, isTTY, env, coloured) => {
    expect(isColoured({ isTTY }, env)).toBe(coloured);
  });
});
