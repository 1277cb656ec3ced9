import { spawnSync } from 'node:child_process';
import { parseAllDocuments } from 'yaml';
import type { KubernetesObject } from './objects';

/**
 * Builds a folder by `kubectl kustomize`, which needs no cluster.
 * @throws Error when there is no kubectl, or when it refuses the folder.
 */
export function kustomize(directory: string): KubernetesObject[] {
  const { error, status, stdout, stderr } = spawnSync('kubectl', ['kustomize', directory], { encoding: 'utf8' });
  if (error) {
    throw new Error(
      `kubectl is needed to build ${directory}, and cannot be run (${error.message}); install it: on Debian, apt-get install kubernetes-client`,
    );
  }
  if (status !== 0) throw new Error(`kubectl kustomize ${directory} failed: ${stderr.trim()}`);
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);
}
