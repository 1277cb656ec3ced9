import { MicError } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { appConfig, SERVICE_VARIABLES } from './environment';

const config = appConfig({ ...SERVICE_VARIABLES, MIC_FLAVOUR: z.enum(['sweet', 'sour']).optional() });

function refusal(env: NodeJS.ProcessEnv): MicError {
  try {
    config.parse(env);
  } catch (error) {
    if (error instanceof MicError) return error;
  }
  throw new Error('it was accepted');
}

describe('appConfig', () => {
  it('fills in the defaults, and reads numbers', () => {
    expect(config.parse({ MIC_STORE: 'redis://cache', PATH: '/bin' })).toEqual({
      MIC_ADDRESS: '0.0.0.0:7070',
      MIC_STORE: 'redis://cache',
      MIC_LOG_LEVEL: 'info',
      MIC_DRAIN_TIMEOUT_MS: 10_000,
      MIC_MAX_CONCURRENT_CALLS: 1_000,
    });
    expect(config.parse({ MIC_STORE: 's', MIC_DRAIN_TIMEOUT_MS: '0', MIC_PARENT_PID: '7' })).toMatchObject({
      MIC_DRAIN_TIMEOUT_MS: 0,
      MIC_PARENT_PID: 7,
    });
  });

  it('takes an empty variable for an absent one', () => {
    expect(config.parse({ MIC_STORE: 's', MIC_ADDRESS: '', MIC_FLAVOUR: '' }).MIC_ADDRESS).toBe('0.0.0.0:7070');
    expect(refusal({ MIC_STORE: '' }).message).toContain('MIC_STORE');
  });

  it('names every variable that is missing or wrong', () => {
    const error = refusal({ MIC_LOG_LEVEL: 'loud', MIC_DRAIN_TIMEOUT_MS: '1.5', MIC_FLAVOUR: 'bitter' });
    expect(error.code).toBe('INVALID_ARGUMENT');
    for (const name of ['MIC_STORE', 'MIC_LOG_LEVEL', 'MIC_DRAIN_TIMEOUT_MS', 'MIC_FLAVOUR']) {
      expect(error.message).toContain(name);
      expect(error.remedy).toContain(name);
    }
  });

  it.each(['-1', '1e3', '', ' 1', '600001', 'NaN'])('refuses "%s" milliseconds', (text) => {
    const env = { MIC_STORE: 's', MIC_DRAIN_TIMEOUT_MS: text };
    if (text === '') expect(config.parse(env).MIC_DRAIN_TIMEOUT_MS).toBe(10_000);
    else expect(refusal(env).subject).toBe('MIC_DRAIN_TIMEOUT_MS');
  });

  it('tells names that look like ours and mean nothing', () => {
    expect(config.unknownNames({ MIC_STORE: 's', MIC_STOER: 's', PATH: '/bin', mic_x: '' })).toEqual(['MIC_STOER']);
  });
});
