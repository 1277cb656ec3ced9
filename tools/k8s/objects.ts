import type { Container, PodSpec, Service } from 'kubernetes-types/core/v1';
import type { ObjectMeta, LabelSelector } from 'kubernetes-types/meta/v1';

/** One thing that is wrong with an object of a build. */
export interface Problem {
  /** `Deployment/ann-service`. */
  readonly object: string;
  /** Path of the field within the object. */
  readonly field: string;
  readonly problem: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** Any object that Kubernetes takes. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

interface PodTemplate {
  readonly metadata?: ObjectMeta;
  readonly spec?: PodSpec;
}

/** What runs pods. */
export interface Workload extends KubernetesObject {
  readonly spec?: {
    readonly selector?: LabelSelector;
    readonly serviceName?: string;
    readonly volumeClaimTemplates?: readonly { readonly metadata?: ObjectMeta }[];
    readonly template?: PodTemplate;
    /** Of a CronJob. */
    readonly jobTemplate?: { readonly spec?: { readonly template?: PodTemplate } };
  };
}

export type Labels = Readonly<Record<string, string>>;

const WORKLOAD_KINDS = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob'];
const PROVIDED = 'mic/provided';
const APP_LABEL = 'app.kubernetes.io/name';

/** The objects of one `kubectl kustomize`. */
export class Build {
  readonly workloads: readonly Workload[];
  readonly services: readonly Service[];

  constructor(readonly objects: readonly KubernetesObject[]) {
    this.workloads = objects.filter(({ kind }) => WORKLOAD_KINDS.includes(kind));
    this.services = objects.filter(({ kind }) => kind === 'Service') as Service[];
  }

  find<T extends KubernetesObject>(kind: string, name: string): T | undefined {
    return this.objects.find((object) => object.kind === kind && object.metadata.name === name) as T | undefined;
  }

  /** The workloads whose pods carry these labels. */
  selected(selector: Labels): readonly Workload[] {
    return this.workloads.filter((workload) => carries(podLabels(workload), selector));
  }

  /** The workloads whose pods say that they run the app. */
  running(app: string): readonly Workload[] {
    return this.selected({ [APP_LABEL]: app });
  }
}

export const nameOf = ({ kind, metadata }: { kind?: string; metadata?: ObjectMeta }): string =>
  `${kind}/${metadata?.name}`;

/** True for what runs to its end: it has no probes, and its selector is made for it. */
export const isJob = ({ kind }: Workload): boolean => kind === 'Job' || kind === 'CronJob';

const templateOf = ({ spec }: Workload): PodTemplate | undefined => spec?.template ?? spec?.jobTemplate?.spec?.template;

/** Path of the pod within its workload. */
export const podFieldOf = ({ kind }: Workload): string =>
  kind === 'CronJob' ? 'spec.jobTemplate.spec.template.spec' : 'spec.template.spec';

export const podLabels = (workload: Workload): Labels => templateOf(workload)?.metadata?.labels ?? {};

export const podOf = (workload: Workload): PodSpec => templateOf(workload)?.spec ?? { containers: [] };

export const carries = (labels: Labels, selector: Labels): boolean =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);

/** Containers of a workload, with the path of their field. */
export function containersOf(workload: Workload): readonly { readonly container: Container; readonly field: string }[] {
  const { containers, initContainers = [] } = podOf(workload);
  const pod = podFieldOf(workload);
  return [
    ...containers.map((container) => ({ container, field: `${pod}.containers[${container.name}]` })),
    ...initContainers.map((container) => ({ container, field: `${pod}.initContainers[${container.name}]` })),
  ];
}

/** The number of a port given by number or by name; undefined when the containers have no such port. */
export function containerPort(containers: readonly Container[], port: number | string): number | undefined {
  const ports = containers.flatMap((container) => container.ports ?? []);
  return ports.find((known) => known.containerPort === port || known.name === port)?.containerPort;
}

/** `Kind/name` of what the workload says that the cluster provides, so that it need not be in the build. */
export function providedTo(workload: Workload): ReadonlySet<string> {
  const text = workload.metadata.annotations?.[PROVIDED] ?? '';
  return new Set(text.split(',').map((part) => part.trim()));
}
