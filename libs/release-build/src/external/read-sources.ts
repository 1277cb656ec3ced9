import { resolve } from 'node:path';
import type { TowerSignature } from '@mic/features';
import { readIds } from './read-ids';
import type { Report } from './read-features';
import { readRows, type Rows } from './read-rows';

/** Ids and their rows: U users, I items. */
export interface Sources {
  readonly userIds: readonly string[];
  readonly itemIds: readonly string[];
  /** U x idDimension. */
  readonly userRows: Float32Array;
  /** I x itemIdDimension. */
  readonly itemRows: Float32Array;
}

/**
 * Reads the files that a signature names, and holds ids and rows against each other and against the widths of the inputs.
 *
 * @param datasetUsers the users of towers that read no id row of a user and name none.
 */
export async function readSources(
  { files = {}, idDimension, itemIdDimension }: TowerSignature,
  folder: string,
  datasetUsers: readonly string[],
  report: Report,
): Promise<Sources> {
  const read = async <T>(key: keyof typeof files, work: (path: string) => Promise<T>): Promise<T | null> => {
    const name = files[key];
    if (name === undefined) return null;
    return work(resolve(folder, name)).catch((error: unknown) => {
      report(`files.${key}: ${name} ${plainCause(error as NodeJS.ErrnoException)}`);
      return null;
    });
  };
  const rowsOf = async (side: 'user' | 'item', ids: readonly string[] | null, width: number): Promise<Float32Array> => {
    const key = `${side}Rows` as const;
    const rows = await read(key, readRows);
    if (rows && ids)
      rowProblems(rows, ids.length, width, `${side}Ids`).forEach((problem) => { report(`files.${key}: ${files[key]} ${problem}`); }); // prettier-ignore
    else if (files[key] === undefined && width > 0) {
      report(`files.${key} is missing: an id row of ${width} numbers for each ${side} is fed to the towers`);
    }
    return rows?.values ?? new Float32Array(0);
  };
  const itemIds = await read('itemIds', readIds);
  if (files.itemIds === undefined) report('files.itemIds is missing: the ids of the items in the order of their rows');
  if (itemIds?.length === 0) report(`files.itemIds: ${files.itemIds} has no ids`);
  const userIds = files.userIds === undefined && idDimension === 0 ? datasetUsers : await read('userIds', readIds);
  if (files.userIds === undefined && idDimension > 0) {
    report('files.userIds is missing: the ids of the users in the order of their rows');
  }
  return {
    userIds: userIds ?? [],
    itemIds: itemIds ?? [],
    userRows: await rowsOf('user', userIds, idDimension),
    itemRows: await rowsOf('item', itemIds, itemIdDimension),
  };
}

function rowProblems({ values, shape }: Rows, ids: number, width: number, key: string): string[] {
  const wanted = `[${ids}, ${width}], ${key} x the width of the input`;
  if (shape && (shape.length !== 2 || shape[0] !== ids || shape[1] !== width)) {
    return [`is [${shape.join(', ')}], not ${wanted}`];
  }
  if (values.length !== ids * width) return [`has ${values.length} numbers, not ${ids * width} for ${wanted}`];
  const bad = values.findIndex((value) => !Number.isFinite(value));
  return bad < 0 ? [] : [`has ${values[bad]} in row ${Math.floor(bad / width)}`];
}

function plainCause({ code, message }: NodeJS.ErrnoException): string {
  return code === 'ENOENT' ? 'is not there' : message;
}
