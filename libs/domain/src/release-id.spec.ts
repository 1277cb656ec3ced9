import { describe, expect, it } from 'vitest';
import { parseReleaseId } from './release-id';

describe('parseReleaseId', () => {
  it('accepts lower case letters, digits and dashes', () => {
    expect(parseReleaseId('r20260131120000-1a2b3c4d')).toBe('r20260131120000-1a2b3c4d');
  });

  it.each(['', '-a', 'A', 'a/b', '..', 'a'.repeat(64)])('refuses %j', (text) => {
    expect(() => parseReleaseId(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});
