import { createHash, type Hash } from 'node:crypto';
import type { BuildConfig } from './build-config';
import type { ReleaseModel } from './release-model';

/** Changes whenever the same inputs would give another release. */
const BUILD_VERSION = 3;

/** sha256 of everything that a release follows from; two builds with the same key make the same release. */
export function buildKey(inputs: {
  readonly model: ReleaseModel;
  readonly datasetSha256: string;
  readonly config: BuildConfig;
  readonly parentId: string | null;
}): string {
  const { model, datasetSha256, config, parentId } = inputs;
  const { info, schema, signature } = model;
  const hash = createHash('sha256');
  hash.update(JSON.stringify([BUILD_VERSION, datasetSha256, config, parentId, info, schema, signature]));
  addBytes(hash, model.userTower, model.itemTower, model.userRows, model.itemRows);
  for (const ids of [model.userIds, model.itemIds]) hash.update(`\n${ids.length}\n${ids.join('\n')}`);
  return hash.digest('hex');
}

function addBytes(hash: Hash, ...arrays: readonly (Uint8Array | Float32Array)[]): void {
  for (const { buffer, byteOffset, byteLength } of arrays) hash.update(new Uint8Array(buffer, byteOffset, byteLength));
}
