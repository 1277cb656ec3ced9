import type { Volume } from 'kubernetes-types/core/v1';
import {
  containersOf,
  nameOf,
  podOf,
  podFieldOf,
  providedTo,
  type Build,
  type Problem,
  type Workload,
} from './objects';

/** What a workload names must be in the build, or be said to be provided by the cluster. */
export function checkReferences(build: Build): Problem[] {
  return build.workloads.flatMap((workload) => [...checkVolumes(build, workload), ...checkNames(build, workload)]);
}

function checkVolumes(build: Build, workload: Workload): Problem[] {
  const problems: Problem[] = [];
  const object = nameOf(workload);
  const provided = providedTo(workload);
  const templates = (workload.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name);
  const volumes = podOf(workload).volumes ?? [];
  for (const volume of volumes) {
    for (const [kind, name] of sourcesOf(volume)) {
      if (build.find(kind, name) || provided.has(`${kind}/${name}`)) continue;
      problems.push(missing(object, `${podFieldOf(workload)}.volumes[${volume.name}]`, kind, name));
    }
  }
  for (const { container, field } of containersOf(workload)) {
    for (const { name, mountPath } of container.volumeMounts ?? []) {
      if (volumes.some((volume) => volume.name === name) || templates.includes(name)) continue;
      problems.push({
        object,
        field: `${field}.volumeMounts[${mountPath}]`,
        problem: `there is no volume ${name}`,
        remedy: 'add it to the volumes of the pod, or name one of them',
      });
    }
  }
  return problems;
}

/** Kind and name of the objects that a volume is made from. */
function sourcesOf({ configMap, secret, persistentVolumeClaim: claim, projected }: Volume): [string, string][] {
  const sources: [string, string | undefined, boolean | undefined][] = [
    ['ConfigMap', configMap?.name, configMap?.optional],
    ['Secret', secret?.secretName, secret?.optional],
    ['PersistentVolumeClaim', claim?.claimName, false],
    ...(projected?.sources ?? []).flatMap((source): [string, string | undefined, boolean | undefined][] => [
      ['ConfigMap', source.configMap?.name, source.configMap?.optional],
      ['Secret', source.secret?.name, source.secret?.optional],
    ]),
  ];
  return sources.flatMap(([kind, name, optional]) => (name !== undefined && !optional ? [[kind, name]] : []));
}

function checkNames(build: Build, workload: Workload): Problem[] {
  const names: [string, string | undefined, string][] = [
    ['Service', workload.spec?.serviceName, 'spec.serviceName'],
    ['ServiceAccount', podOf(workload).serviceAccountName, `${podFieldOf(workload)}.serviceAccountName`],
  ];
  return names.flatMap(([kind, name, field]) =>
    name === undefined || name === 'default' || build.find(kind, name)
      ? []
      : [missing(nameOf(workload), field, kind, name)],
  );
}

export const missing = (object: string, field: string, kind: string, name: string): Problem => ({
  object,
  field,
  problem: `there is no ${kind} ${name} in the build`,
  remedy: `add it, name one that is there, or list ${kind}/${name} in the annotation mic/provided`,
});
