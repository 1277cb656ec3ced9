import { DEFAULT_RERANK } from '@mic/rerank';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PROFILES, parseProfiles, pickProfile, type Profiles } from './profile';

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
    [
      '{"default": "a", "profiles": {"a": {}}, "split": {"shares": {"b": 1}}}',
      /no such profile among a\s+→ at split\.shares\.b/,
    ],
    ['{"default": "a", "profiles": {"a": {}}, "split": {"shares": {"a": 0}}}', /one share must be above 0/],
    ['{"default": "a", "profiles": {"a": {"channels": {"U2I": {"k": 0}}}}}', /profiles\.a\.channels\.U2I\.k/],
    ['{"default": "a", "profiles": {"a": {"n": {"default": 30, "max": 20}}}}', /default n is above the largest/],
  ])('refuses %s and says where', (text, message) => {
    expect(() => parseProfiles(text, 'p.json')).toThrow(message);
  });
});

describe('pickProfile', () => {
  it('takes the default for an empty name, and no inherited property for a profile', () => {
    expect(pickProfile(DEFAULT_PROFILES, '', 'u').name).toBe('default');
    expect(() => pickProfile(DEFAULT_PROFILES, 'constructor', 'u')).toThrow(/no profile "constructor"/);
  });

  const three = (text: string): Profiles =>
    parseProfiles(`{"default": "a", "profiles": {"a": {}, "b": {}, "c": {}}, ${text}}`, 'p');
  const groupOf = (profiles: Profiles, user: number): string => pickProfile(profiles, '', `user-${user}`).name;
  const users = Array.from({ length: 20_000 }, (_, user) => user);

  it('splits users by the shares, each always into the same group', () => {
    const split = three('"split": {"shares": {"a": 3, "b": 0, "c": 1}}');
    const groups = users.map((user) => groupOf(split, user));
    expect(new Set(groups)).toEqual(new Set(['a', 'c']));
    // 5,000 expected; the deviation of that is 61.
    expect(Math.abs(groups.filter((group) => group === 'c').length - 5_000)).toBeLessThan(300);
    expect(users.map((user) => groupOf(split, user))).toEqual(groups);
    expect(pickProfile(split, 'b', 'user-0').name).toBe('b');
  });

  it('makes other groups with another salt, and moves none but those that a share gains', () => {
    const groups = (text: string): string[] => users.map((user) => groupOf(three(text), user));
    const before = groups('"split": {"salt": "x", "shares": {"a": 90, "b": 10}}');
    const other = groups('"split": {"salt": "y", "shares": {"a": 90, "b": 10}}');
    const inBoth = users.filter((user) => before[user] === 'b' && other[user] === 'b').length;
    expect(Math.abs(inBoth - 200)).toBeLessThan(75);
    const more = groups('"split": {"salt": "x", "shares": {"a": 80, "b": 20}}');
    expect(users.filter((user) => before[user] === 'b' && more[user] !== 'b')).toEqual([]);
  });

  it('names the values by a hash, whatever the order in which they are written', () => {
    const hash = (profile: string): string =>
      pickProfile(parseProfiles(`{"default": "a", "profiles": {"a": ${profile}}}`, 'p'), '', 'u').hash;
    expect(hash('{}')).toBe(pickProfile(DEFAULT_PROFILES, '', 'u').hash);
    expect(hash('{"n": {"max": 50, "default": 9}, "timeoutMs": 70}')).toBe(
      hash('{"timeoutMs": 70, "n": {"default": 9, "max": 50}}'),
    );
    expect(hash('{"timeoutMs": 70}')).not.toBe(hash('{"timeoutMs": 71}'));
    expect(hash('{}')).toMatch(/^[0-9a-f]{16}$/);
  });
});
