import { readFile } from 'node:fs/promises';
import { MicError } from '@mic/domain';
import { DEFAULT_PROFILES, parseProfiles, type Profiles } from '@mic/recall';

/** Profiles of a file, or the built-in ones without a file. @throws MicError naming the file and what is wrong in it */
export async function loadProfiles(file: string | undefined): Promise<Profiles> {
  if (file === undefined) return DEFAULT_PROFILES;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new MicError('NOT_FOUND', `the profile file ${file} cannot be read: ${(error as Error).message}`, {
      subject: file,
      remedy: 'give the path of a JSON file, see `mic serve --help`',
    });
  }
  return parseProfiles(text, file);
}
