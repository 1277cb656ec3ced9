import { execFile, spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Dataset } from '@mic/dataset';

const SCRIPT = fileURLToPath(new URL('write_towers.py', import.meta.url));

/** Files of towers that this project has not written. */
export interface ForeignTowers {
  readonly folder: string;
  readonly userTower: string;
  readonly itemTower: string;
  readonly signature: string;
}

/** A Python that has the package onnx: Debian's own, or the one on the path. */
function pythonWithOnnx(): string {
  const found = ['/usr/bin/python3', 'python3'].find(
    (python) => spawnSync(python, ['-c', 'import onnx, numpy'], { stdio: 'ignore' }).status === 0,
  );
  if (found === undefined) throw new Error('no Python with onnx: apt-get install python3-onnx');
  return found;
}

/**
 * Has python3-onnx write two towers for the users, items and categories of a dataset.
 *
 * @param fault what is wrong with them (see write_towers.py).
 */
export async function writeForeignTowers(
  kind: 'gru' | 'mean',
  dataset: Dataset,
  folder: string,
  fault = '',
): Promise<ForeignTowers> {
  const { userIds, itemIds } = await dataset.loadInteractions();
  const schema = { userFields: [], itemFields: [], categoryField: dataset.info.categoryField };
  const { names } = await dataset.loadItemCategories(schema, itemIds);
  const ids = join(dirname(folder), 'ids.json');
  await mkdir(folder, { recursive: true });
  await writeFile(ids, JSON.stringify({ users: userIds, items: itemIds, genres: names.slice(1) }));
  await promisify(execFile)(pythonWithOnnx(), [SCRIPT, kind, ids, folder, fault]);
  return {
    folder,
    userTower: join(folder, 'u.onnx'),
    itemTower: join(folder, 'i.onnx'),
    signature: join(folder, 'signature.json'),
  };
}
