import { readFile } from 'node:fs/promises';
import { OnnxSession, towerDifferences } from '@mic/onnx-tower';
import { plainMessage, towerProblems } from './probe-tower';
import type { Report } from './read-features';
import { itemProbes, userProbes, type ProbeSource } from './tower-probes';

export interface OpenTowersSource extends ProbeSource {
  /** False where the signature does not fit itself: the towers are held against it, and not run. */
  readonly sound: boolean;
}

/** A release has each tower in one file. */
const ONE_FILE = 'save the weights in the model: onnx.save(onnx.load(path), path)';

/** Reads two ONNX files, holds each against its part of the signature, and runs it on probes where it fits. */
export async function openTowers(
  files: { readonly userTower: string; readonly itemTower: string },
  source: OpenTowersSource,
  report: Report,
): Promise<{ readonly userTower: Uint8Array; readonly itemTower: Uint8Array }> {
  const open = async (tower: 'user' | 'item', path: string): Promise<Uint8Array> => {
    const model = await readFile(path).catch((error: unknown) => {
      const { code, message } = error as NodeJS.ErrnoException;
      report(`${tower} tower: ${path} ${code === 'ENOENT' ? 'is not there' : message}`);
      return null;
    });
    if (!model) return new Uint8Array(0);
    const what = `the ${tower} tower`;
    const session = await OnnxSession.open(model, { name: what, quiet: true }).catch((error: unknown) => {
      const message = plainMessage(error as Error).replace(`ONNX Runtime does not accept ${what}: `, '');
      const hint = /external data|external tensor/i.test(message) ? ` (${ONE_FILE})` : '';
      report(`${tower} tower: ONNX Runtime does not accept ${path}: ${message}${hint}`);
      return null;
    });
    if (!session) return model;
    try {
      const { signature } = source;
      const differences = towerDifferences(session, tower === 'user' ? signature.userTower : signature.itemTower);
      for (const difference of differences) report(`${tower} tower: ${difference}`);
      if (differences.length > 0 || !source.sound || !fed(tower, source)) return model;
      const probes = tower === 'user' ? userProbes(source) : itemProbes(source);
      for (const problem of await towerProblems(session, tower, signature, probes)) report(problem);
    } finally {
      await session.close();
    }
    return model;
  };
  return { userTower: await open('user', files.userTower), itemTower: await open('item', files.itemTower) };
}

/** True where the rows and fields of a tower are such that probes can be made of them. */
function fed(tower: 'user' | 'item', { signature, schema, items, userRows, itemRows }: OpenTowersSource): boolean {
  const { idDimension, itemIdDimension, profileWidth, itemFieldsWidth } = signature;
  const width = (fields: typeof schema.userFields): number =>
    fields.reduce((sum, field) => sum + (field.type === 'multi' ? field.width : 1), 0);
  if (items === 0 || (idDimension > 0 && userRows.length % idDimension !== 0)) return false;
  if (tower === 'user') return width(schema.userFields) === profileWidth;
  const rows = itemIdDimension === 0 || (itemRows.length > 0 && itemRows.length % itemIdDimension === 0);
  return rows && width(schema.itemFields) === itemFieldsWidth;
}
