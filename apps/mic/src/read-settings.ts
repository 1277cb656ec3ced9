import { readFile } from 'node:fs/promises';
import { MicError } from '@mic/domain';

/** A JSON file of knobs; {} where none is given. @param help the command whose help lists the knobs. */
export async function readSettings(file: string | undefined, help: string): Promise<unknown> {
  if (file === undefined) return {};
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new MicError('INVALID_ARGUMENT', `the configuration ${file} cannot be read: ${(error as Error).message}`, {
      subject: file,
      remedy: `give a JSON file of knobs, e.g. {"loop": {"epochs": 4}}; ${help} lists them`,
    });
  }
}
