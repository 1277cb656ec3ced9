import { MicError } from './errors';

const PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;

declare const brand: unique symbol;

/** The name of a release: safe as a folder name, a store key and a label (lower case letters, digits, dashes). */
export type ReleaseId = string & { readonly [brand]: 'ReleaseId' };

/** Checks a release id that came from outside. @throws MicError INVALID_ARGUMENT */
export function parseReleaseId(text: string): ReleaseId {
  if (!PATTERN.test(text)) {
    throw new MicError('INVALID_ARGUMENT', `"${text}" is not a release id`, {
      subject: 'release_id',
      remedy: 'use 1 to 63 lower case letters, digits and dashes, as printed by `mic build`',
    });
  }
  return text as ReleaseId;
}
