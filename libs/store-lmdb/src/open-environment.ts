import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MicError } from '@mic/domain';
import { damaged } from '@mic/store-records';
import { open, type RootDatabase } from 'lmdb';
import { inspectDataFile } from './data-file';
import { keys } from './keys';
import { toStoreError } from './store-error';

export type Environment = RootDatabase<Buffer, (string | number)[]>;

/** Version of the keys and of how records hang together; the packed values carry one of their own. */
const FORMAT = 1;
const FILES = ['data.mdb', 'lock.mdb'];

/**
 * Opens the LMDB environment of a store, and marks a new one as such.
 *
 * @throws MicError FAILED_PRECONDITION when the folder holds something else, or a store of another version; NOT_FOUND
 * when it is to be read only and there is nothing; DATA_LOSS when its file is damaged.
 */
export async function openEnvironment(path: string, readOnly: boolean): Promise<Environment> {
  const isNew = await checkFolder(path);
  if (isNew && readOnly) {
    throw new MicError('NOT_FOUND', `there is no store in ${path}`, {
      subject: path,
      remedy: 'publish a release first: mic publish',
    });
  }
  let environment: Environment;
  try {
    // Told outright that it is a folder: a dot in its name would make lmdb-js take it for a file.
    environment = open({ path, encoding: 'binary', keyEncoding: 'ordered-binary', noSubdir: false, readOnly });
  } catch (error) {
    throw refused(path, `${path} cannot be opened as a store: ${(error as Error).message}`, NEW_FOLDER, error);
  }
  try {
    const format = environment.get(keys.format)?.toString();
    if (format === undefined && environment.getKeysCount({ limit: 1 }) > 0) {
      throw refused(path, `${path} holds the data of another program`, NEW_FOLDER);
    }
    if (format === undefined) {
      await environment.put(keys.format, Buffer.from(JSON.stringify(FORMAT)));
      await environment.flushed;
    } else if (format !== JSON.stringify(FORMAT)) {
      const message = `the store in ${path} has format ${format}, this program reads ${FORMAT}`;
      throw refused(path, message, 'use the version of the program that wrote it, or a new folder');
    }
    return environment;
  } catch (error) {
    await environment.close();
    throw toStoreError(error);
  }
}

const NEW_FOLDER = 'give the folder of a store, or an empty folder for a new one';

/** True when the folder is missing or empty, false when it holds a store that can be opened. */
async function checkFolder(path: string): Promise<boolean> {
  let names: string[];
  try {
    names = await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw refused(path, `${path} cannot be opened as a store: ${(error as Error).message}`, NEW_FOLDER, error);
  }
  if (!names.includes('data.mdb')) {
    const stranger = names.find((name) => !FILES.includes(name));
    if (stranger === undefined) return true;
    throw refused(path, `${path} is not a store: it holds ${stranger}`, NEW_FOLDER);
  }
  const state = await inspectDataFile(join(path, 'data.mdb'));
  if (state === 'foreign') throw refused(path, `${join(path, 'data.mdb')} is not the file of a store`, NEW_FOLDER);
  if (state === 'cut') throw damaged(`${join(path, 'data.mdb')} is shorter than its contents`);
  return state === 'empty';
}

function refused(path: string, message: string, remedy: string, cause?: unknown): MicError {
  return new MicError('FAILED_PRECONDITION', message, { subject: path, remedy, cause });
}
