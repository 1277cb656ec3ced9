import type { ConfigMap, Container, EnvVar, Secret } from 'kubernetes-types/core/v1';
import { missing } from './check-references';
import { nameOf, providedTo, type Build, type KubernetesObject, type Problem, type Workload } from './objects';

/** Stands for a value that only the cluster knows; right as a text and as a number. */
const UNKNOWN_VALUE = '1';

export interface Environment {
  readonly values: Readonly<Record<string, string>>;
  /** Names whose value is in the cluster, not in the build. */
  readonly unknown: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/** What a container finds in its environment: `envFrom` first, then `env`, as in Kubernetes. */
export function environmentOf(build: Build, workload: Workload, container: Container, field: string): Environment {
  const values: Record<string, string> = {};
  const unknown = new Set<string>();
  const problems: Problem[] = [];
  const object = nameOf(workload);
  const provided = providedTo(workload);

  /** Content of a ConfigMap or Secret; undefined when it is not in the build, which is a problem unless that is meant. */
  const contentOf = (kind: string, name: string, optional: boolean | undefined, where: string) => {
    const content = dataOf(build.find(kind, name));
    if (!content && !optional && !provided.has(`${kind}/${name}`)) problems.push(missing(object, where, kind, name));
    return content;
  };

  (container.envFrom ?? []).forEach(({ configMapRef, secretRef, prefix = '' }, index) => {
    for (const [kind, ref] of [
      ['ConfigMap', configMapRef],
      ['Secret', secretRef],
    ] as const) {
      if (ref?.name === undefined) continue;
      const content = contentOf(kind, ref.name, ref.optional, `${field}.envFrom[${index}]`);
      for (const [name, value] of Object.entries(content ?? {})) values[`${prefix}${name}`] = value;
    }
  });

  const given = new Set<string>();
  for (const variable of container.env ?? []) {
    const where = `${field}.env[${variable.name}]`;
    if (given.has(variable.name)) {
      problems.push({
        object,
        field: where,
        problem: 'is set twice',
        remedy: 'remove one: the last one wins silently',
      });
    }
    given.add(variable.name);
    unknown.delete(variable.name);
    const source = sourceOf(variable);
    if (!source) {
      values[variable.name] = variable.value ?? (variable.valueFrom ? UNKNOWN_VALUE : '');
      if (variable.valueFrom) unknown.add(variable.name);
      continue;
    }
    const content = contentOf(source.kind, source.name, source.optional, where);
    const value = content?.[source.key];
    if (content && value === undefined && !source.optional) {
      problems.push({
        object,
        field: where,
        problem: `${source.kind} ${source.name} has no key ${source.key}`,
        remedy: `add the key, or name one of ${Object.keys(content).join(', ') || 'its keys (it has none)'}`,
      });
    }
    if (value === undefined && source.optional) continue;
    if (value === undefined) unknown.add(variable.name);
    values[variable.name] = value ?? UNKNOWN_VALUE;
  }
  return { values, unknown, problems };
}

/** The key of a ConfigMap or Secret that a variable is read from. */
function sourceOf({ valueFrom }: EnvVar) {
  const { configMapKeyRef, secretKeyRef } = valueFrom ?? {};
  const ref = configMapKeyRef ?? secretKeyRef;
  if (ref?.name === undefined) return undefined;
  return { kind: configMapKeyRef ? 'ConfigMap' : 'Secret', name: ref.name, key: ref.key, optional: ref.optional };
}

function dataOf(object: KubernetesObject | undefined): Readonly<Record<string, string>> | undefined {
  if (!object) return undefined;
  if (object.kind === 'ConfigMap') return (object as ConfigMap).data ?? {};
  const { data = {}, stringData = {} } = object as Secret;
  const decoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()] as const);
  return { ...Object.fromEntries(decoded), ...stringData };
}
