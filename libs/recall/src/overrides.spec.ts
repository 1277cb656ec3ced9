import { describe, expect, it } from 'vitest';
import { withOverrides, type RecallOverrides } from './overrides';
import { profileHash, profileSchema } from './profile';
import { recallTiny } from './testing/recall-tiny';

const profile = profileSchema.parse({});

describe('withOverrides', () => {
  it('puts values in the places of the profile’s', () => {
    const changed = withOverrides(profile, {
      channels: {
        U2I: { triggers: 500, quota: 300, ef: 400, weight: 2, timeoutMs: 100 },
        U2U2I: { triggers: 5, perTrigger: 40, enabled: false },
        U2I2I: { triggers: 1, perTrigger: 2 },
        POPULAR: { triggers: 12 },
      },
      weights: { basic: 2, similarUsers: 0.5 },
    });
    expect(changed.channels.U2I).toEqual({
      ...profile.channels.U2I,
      k: 500,
      quota: 300,
      ef: 400,
      weight: 2,
      timeoutMs: 100,
    });
    expect(changed.channels.U2U2I).toEqual({
      ...profile.channels.U2U2I,
      similarUsers: 5,
      itemsPerUser: 40,
      enabled: false,
    });
    expect(changed.channels.U2I2I).toEqual({ ...profile.channels.U2I2I, triggers: 1, similarItems: 2 });
    expect(changed.channels.POPULAR).toEqual({ ...profile.channels.POPULAR, categories: 12 });
    expect(changed.rerank).toEqual({
      ...profile.rerank,
      weights: { ...profile.rerank.weights, basic: 2, similarUsers: 0.5 },
    });
    expect(profileSchema.parse(changed)).toEqual(changed);
    expect(withOverrides(profile, {})).toEqual(profile);
  });

  it.each<[RecallOverrides, string, RegExp]>([
    [{ channels: { U2I: { quota: 801 } } }, 'overrides.channels[U2I].quota', /is 801, this profile allows 1 to 800/],
    [{ channels: { U2I: { quota: 0 } } }, 'overrides.channels[U2I].quota', /is 0/],
    [{ channels: { U2I: { triggers: 1.5 } } }, 'overrides.channels[U2I].triggers', /a whole number is needed/],
    [{ channels: { U2I: { perTrigger: 5 } } }, 'overrides.channels[U2I].per_trigger', /U2I has no such number/],
    [{ channels: { POPULAR: { ef: 5 } } }, 'overrides.channels[POPULAR].ef', /POPULAR has no such number/],
    [{ channels: { U2I: { ef: 801 } } }, 'overrides.channels[U2I].ef', /1 to 800/],
    [{ channels: { U2U2I: { timeoutMs: 501 } } }, 'overrides.channels[U2U2I].timeout_ms', /1 to 500/],
    [{ channels: { U2U2I: { weight: -1 } } }, 'overrides.channels[U2U2I].weight', /0 to 100/],
    [{ channels: { U2U2I: { weight: NaN } } }, 'overrides.channels[U2U2I].weight', /is NaN/],
    [{ weights: { diversity: 101 } }, 'overrides.weights.diversity', /-100 to 100/],
    [{ weights: { diversity: Infinity } }, 'overrides.weights.diversity', /is Infinity/],
  ])('refuses %j', (overrides, subject, message) => {
    const refused = (): unknown => withOverrides(profile, overrides);
    expect(refused).toThrow(message);
    expect(refused).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', subject }) as Error);
  });

  it('never allows more than the services take in a call', () => {
    const generous = profileSchema.parse({ overrides: { most: 1_000 } });
    const withChannels = (channels: RecallOverrides['channels']) => () => withOverrides(generous, { channels });
    expect(withChannels({ U2I2I: { triggers: 501 } })).toThrow(/triggers is 501, this profile allows 1 to 500/);
    expect(withChannels({ U2U2I: { perTrigger: 1_001 } })).toThrow(
      /per_trigger is 1001, this profile allows 1 to 1000/,
    );
    expect(withChannels({ POPULAR: { triggers: 101 } })).toThrow(/1 to 100/);
    const most = withOverrides(generous, {
      channels: {
        U2I: { triggers: 10_000, quota: 10_000, ef: 10_000 },
        U2U2I: { triggers: 500, perTrigger: 1_000, ef: 10_000 },
        U2I2I: { triggers: 500, perTrigger: 1_000, ef: 10_000 },
        POPULAR: { triggers: 100 },
      },
    });
    expect(profileSchema.parse(most)).toEqual(most);
  });

  it('refuses any where the profile allows none', () => {
    expect(() => withOverrides(profileSchema.parse({ overrides: { most: 0 } }), {})).toThrow(
      /this profile allows none/,
    );
  });
});

describe('a request with overrides', () => {
  it('is answered by them, and names them in the hash', async () => {
    const plain = await recallTiny();
    const changed = await recallTiny({ overrides: { channels: { U2U2I: { enabled: false } } } });
    expect(changed.channels[1]).toMatchObject({ outcome: 'DISABLED', message: 'off in the request' });
    expect(changed.profile).toBe(plain.profile);
    expect(changed.profileHash).not.toBe(plain.profileHash);
    expect((await recallTiny({ overrides: {} })).profileHash).toBe(plain.profileHash);
    expect(profileHash(profile)).toMatch(/^[0-9a-f]{16}$/);
  });
});
