import type { Container, PodSpec, Probe } from 'kubernetes-types/core/v1';
import { LIVENESS } from '@mic/rpc';
import { APPS } from './apps';
import { containersOf, isJob, nameOf, podFieldOf, podOf } from './objects';
import type { Build, Problem, Workload } from './objects';

const QUANTITY = /^(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/;
const UNIT: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

type Report = (field: string, problem: string, remedy: string) => void;

/** No rights that are not needed, bounded resources, probes that tell the truth. */
export function checkPolicy(build: Build): Problem[] {
  return build.workloads.flatMap((workload) => {
    const problems: Problem[] = [];
    const report: Report = (field, problem, remedy) => {
      problems.push({ object: nameOf(workload), field, problem, remedy });
    };
    checkPod(workload, report);
    for (const { container, field } of containersOf(workload)) {
      checkRights(podOf(workload), container, field, report);
      checkResources(container, field, report);
      if (field.startsWith(`${podFieldOf(workload)}.containers`) && !isJob(workload))
        checkProbes(container, field, report);
    }
    return problems;
  });
}

function checkPod(workload: Workload, report: Report): void {
  const pod = podOf(workload);
  if (pod.automountServiceAccountToken !== false) {
    report(
      `${podFieldOf(workload)}.automountServiceAccountToken`,
      'pods get a token they do not need',
      'set it to false',
    );
  }
  if (pod.enableServiceLinks !== false) {
    report(
      `${podFieldOf(workload)}.enableServiceLinks`,
      'every Service adds variables to the environment',
      'set it to false',
    );
  }
  for (const right of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (pod[right]) report(`${podFieldOf(workload)}.${right}`, 'pods share it with their node', 'remove it');
  }
}

function checkRights(pod: PodSpec, container: Container, field: string, report: Report): void {
  const own = container.securityContext ?? {};
  const either = { ...pod.securityContext, ...own };
  const at = (name: string): string => `${field}.securityContext.${name}`;
  if (either.runAsNonRoot !== true || !either.runAsUser) {
    report(at('runAsNonRoot'), 'it may run as root', 'set runAsNonRoot: true and a runAsUser above 0');
  }
  if (either.seccompProfile?.type !== 'RuntimeDefault') {
    report(at('seccompProfile'), 'system calls are not filtered', 'set type: RuntimeDefault');
  }
  if (own.readOnlyRootFilesystem !== true) {
    report(at('readOnlyRootFilesystem'), 'the root file system can be written', 'set it to true');
  }
  if (own.allowPrivilegeEscalation !== false || own.privileged) {
    report(at('allowPrivilegeEscalation'), 'the process may gain privileges', 'set it to false');
  }
  if (!own.capabilities?.drop?.includes('ALL') || (own.capabilities.add ?? []).length > 0) {
    report(at('capabilities'), 'the process has capabilities it does not need', 'drop ALL and add none');
  }
}

function checkResources({ resources }: Container, field: string, report: Report): void {
  for (const resource of ['cpu', 'memory']) {
    const at = (kind: string): string => `${field}.resources.${kind}.${resource}`;
    const [request, limit] = (['requests', 'limits'] as const).map((kind) => {
      const text = resources?.[kind]?.[resource];
      if (text === undefined) report(at(kind), 'is missing', 'set it');
      const [, number, unit] = QUANTITY.exec(text ?? '') ?? [];
      if (text !== undefined && number === undefined) report(at(kind), `${text} is no quantity`, 'write 500m or 2Gi');
      return number === undefined ? undefined : Number(number) * (unit === undefined ? 1 : UNIT[unit]!);
    });
    if (request !== undefined && limit !== undefined && request > limit) {
      report(at('requests'), 'is above the limit', 'lower it, or raise the limit');
    }
  }
}

function checkProbes(container: Container, field: string, report: Report): void {
  const isApp = container.name in APPS;
  const expected: [string, Probe | undefined, string | undefined][] = [
    ['readinessProbe', container.readinessProbe, undefined],
    ['livenessProbe', container.livenessProbe, LIVENESS],
    ...(isApp ? ([['startupProbe', container.startupProbe, LIVENESS]] as [string, Probe | undefined, string][]) : []),
  ];
  for (const [name, probe, service] of expected) {
    const remedy = `add ${isApp ? `grpc: { port: 7070${service ? `, service: ${service}` : ''} }` : 'one'}`;
    if (!probe || (isApp && !probe.grpc)) {
      report(`${field}.${name}`, probe ? 'does not ask by gRPC' : 'is missing', remedy);
    } else if (isApp && (probe.grpc?.service || undefined) !== service) {
      const asked = probe.grpc?.service ? `service ${probe.grpc.service}` : 'the whole server';
      const why = service ? 'which kills pods as long as no release is published' : 'which says nothing of the release';
      report(`${field}.${name}`, `asks for ${asked}, ${why}`, service ? `ask for ${service}` : 'leave service out');
    }
  }
}
