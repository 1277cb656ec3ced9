import { DEFAULT_RERANK } from '@mic/rerank';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PROFILES, parseProfiles, pickProfile } from './profile';

describe('parseProfiles', () => {
  it('fills in defaults', () => {
    const { profiles } = parseProfiles(
      '{"default": "a", "profiles": {"a": {"channels": {"U2I": {"k": 50}}}}}',
      'p.json',
    );
    expect(profiles.a!.channels.U2I).toMatchObject({ k: 50, quota: 200, enabled: true });
    expect(profiles.a!.rerank).toEqual(DEFAULT_PROFILES.profiles.default!.rerank);
    expect(profiles.a!.rerank.weights).toEqual(DEFAULT_RERANK.weights);
  });

  it.each([
    ['{', /p\.json: it is not JSON/],
    ['{"default": "b", "profiles": {"a": {}}}', /default profile "b" is not among a/],
    ['{"default": "a", "profiles": {"a": {"chanels": {}}}}', /chanels/],
    ['{"default": "a", "profiles": {"a": {"channels": {"U2I": {"k": 0}}}}}', /profiles\.a\.channels\.U2I\.k/],
    ['{"default": "a", "profiles": {"a": {"n": {"default": 30, "max": 20}}}}', /default n is above the largest/],
    ['{"default": "a", "profiles": {"a": {"timeoutMs": 5, "reserveMs": 5}}}', /no time is left for the channels/],
  ])('refuses %s and says where', (text, message) => {
    expect(() => parseProfiles(text, 'p.json')).toThrow(message);
  });
});

describe('pickProfile', () => {
  it('takes the default for an empty name, and no inherited property for a profile', () => {
    expect(pickProfile(DEFAULT_PROFILES, '').name).toBe('default');
    expect(() => pickProfile(DEFAULT_PROFILES, 'constructor')).toThrow(/no profile "constructor"/);
  });
});
