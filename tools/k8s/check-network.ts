import type { Container, Probe, Service } from 'kubernetes-types/core/v1';
import { APPS } from './apps';
import { carries, containerPort, containersOf, isJob, nameOf, podLabels, podOf } from './objects';
import type { Build, Problem } from './objects';

/** Services lead to ports that are there, probes ask at ports that are there, selectors mean one workload. */
export function checkNetwork(build: Build): Problem[] {
  return [
    ...build.services.flatMap((service) => checkService(build, service)),
    ...checkSelectors(build),
    ...checkProbePorts(build),
    ...Object.keys(APPS).flatMap((app) => checkServiceOfApp(build, app)),
  ];
}

function checkService(build: Build, service: Service): Problem[] {
  const object = nameOf(service);
  const { type, selector, clusterIP, ports = [] } = service.spec ?? {};
  if (type === 'ExternalName') return [];
  const [workload, ...others] = selector ? build.selected(selector) : [];
  if (!workload || others.length > 0) {
    const selected = workload ? [workload, ...others].map(nameOf).join(' and ') : 'nothing';
    const remedy = 'select by the labels of one pod template';
    return [{ object, field: 'spec.selector', problem: `it selects ${selected}`, remedy }];
  }
  const { containers } = podOf(workload);
  return ports.flatMap(({ port, targetPort = port }, index): Problem[] => {
    const found = containerPort(containers, targetPort);
    if (found === undefined) {
      const problem = `${nameOf(workload)} has no container port ${targetPort}`;
      return [{ object, field: `spec.ports[${index}].targetPort`, problem, remedy: `use ${knownPorts(containers)}` }];
    }
    if (clusterIP !== 'None' || port === found) return [];
    // A headless Service translates nothing: DNS gives the addresses of the pods, callers bring the port.
    const problem = `a headless Service cannot turn port ${port} into ${found}`;
    return [{ object, field: `spec.ports[${index}].port`, problem, remedy: `use ${found}` }];
  });
}

const knownPorts = (containers: readonly Container[]): string =>
  containers
    .flatMap(({ ports = [] }) => ports)
    .map(({ name, containerPort: number }) => (name === undefined ? `${number}` : `${name} (${number})`))
    .join(' or ') || 'a port that its containers declare';

function checkSelectors(build: Build): Problem[] {
  return build.workloads.flatMap((workload): Problem[] => {
    const labels = workload.spec?.selector?.matchLabels;
    if (isJob(workload) && labels === undefined) return [];
    const about = { object: nameOf(workload), field: 'spec.selector.matchLabels' };
    const remedy = 'use labels of its own pod template, and of no other';
    if (!labels || !carries(podLabels(workload), labels)) {
      return [{ ...about, problem: 'it does not select its own pods', remedy }];
    }
    const others = build.selected(labels).filter((other) => other !== workload);
    return others.map((other) => ({ ...about, problem: `it selects the pods of ${nameOf(other)} too`, remedy }));
  });
}

const PROBES = ['startupProbe', 'livenessProbe', 'readinessProbe'] as const;

const portOf = ({ grpc, httpGet, tcpSocket }: Probe): number | string | undefined =>
  grpc?.port ?? httpGet?.port ?? tcpSocket?.port;

function checkProbePorts(build: Build): Problem[] {
  return build.workloads.flatMap((workload) =>
    containersOf(workload).flatMap(({ container, field }) =>
      PROBES.flatMap((name): Problem[] => {
        const port = portOf(container[name] ?? {});
        if (port === undefined || containerPort([container], port) !== undefined) return [];
        const problem = `${port} is no port of the container`;
        return [
          { object: nameOf(workload), field: `${field}.${name}`, problem, remedy: `use ${knownPorts([container])}` },
        ];
      }),
    ),
  );
}

/** Callers hold HTTP/2 connections for long and spread calls themselves, for which they need the pods' addresses. */
function checkServiceOfApp(build: Build, app: string): Problem[] {
  const workloads = build.running(app);
  const services = build.services.filter(({ spec }) =>
    workloads.some((workload) => spec?.selector && carries(podLabels(workload), spec.selector)),
  );
  if (workloads.length > 0 && services.length === 0) {
    const remedy = `add a headless Service that selects app.kubernetes.io/name: ${app}`;
    return [{ object: nameOf(workloads[0]!), field: 'the build', problem: 'no Service leads to it', remedy }];
  }
  return services
    .filter(({ spec }) => spec?.clusterIP !== 'None')
    .map((service) => ({
      object: nameOf(service),
      field: 'spec.clusterIP',
      problem: 'it is not headless, so all calls of a connection go to one pod',
      remedy: 'set clusterIP: None',
    }));
}
