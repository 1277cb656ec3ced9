import { toMicError } from '@mic/domain';
import { isRedisUrl, parseRedisUrl } from '@mic/store-redis';
import { APPS, TARGETS } from './apps';
import { environmentOf } from './environment';
import { carries, containersOf, nameOf, podLabels, podOf, podFieldOf } from './objects';
import type { Build, Problem, Workload } from './objects';
import type { Container } from 'kubernetes-types/core/v1';

/** Variables of the runtime and its libraries, which an app does not read itself. */
const RUNTIME_VARIABLE = /^(NODE|UV|GRPC)_|^TZ$/;
const DEFAULT_GRACE_S = 30;
const FULL_ADDRESS = /^dns:\/\/\/([a-z0-9-]+)(?:\.[a-z0-9.-]+)?:(\d+)$/;

/** Every app runs in one workload, with an environment and ports that it can live with. */
export function checkApps(build: Build): Problem[] {
  return Object.keys(APPS).flatMap((app) => {
    const [workload, ...others] = build.running(app);
    const container = workload && podOf(workload).containers.find(({ name }) => name === app);
    if (workload && container && others.length === 0) return checkApp(build, app, workload, container);
    const problem = !workload
      ? 'no workload runs it'
      : others.length > 0
        ? `${[workload, ...others].map(nameOf).join(' and ')} run it`
        : `${nameOf(workload)} has no container of that name`;
    const remedy = `have one workload with the pod label app.kubernetes.io/name: ${app} and a container ${app}`;
    return [{ object: `app ${app}`, field: 'the build', problem, remedy }];
  });
}

function checkApp(build: Build, app: string, workload: Workload, container: Container): Problem[] {
  const { field } = containersOf(workload).find((one) => one.container === container)!;
  const problems: Problem[] = [];
  const report = (at: string, problem: string, remedy: string): void => {
    problems.push({ object: nameOf(workload), field: at, problem, remedy });
  };
  const image = container.image?.split('/').at(-1)?.split(/[:@]/)[0];
  if (image !== app) report(`${field}.image`, `is ${container.image}, not an image of ${app}`, `name an image ${app}`);

  const config = APPS[app]!;
  const known = Object.keys(config.variables);
  const environment = environmentOf(build, workload, container, field);
  problems.push(...environment.problems);
  const entries = Object.entries(environment.values);
  for (const [name, value] of entries) {
    const at = `${field}.env[${name}]`;
    if (!known.includes(name) && !RUNTIME_VARIABLE.test(name)) {
      report(at, `${app} reads no such variable`, `write one of ${known.join(', ')}`);
    }
    if (environment.unknown.has(name)) continue;
    if (value.startsWith('/') && !isMounted(container, value)) {
      report(at, `${value} lies in no volume`, 'mount a volume there, or name a folder of one that is mounted');
    }
    const wrong = targetProblem(build, name, value);
    if (wrong) report(at, wrong.problem, wrong.remedy);
  }

  try {
    const settings = config.parse(environment.values);
    for (const name of ['MIC_ADDRESS', 'MIC_METRICS_ADDRESS'] as const) {
      if (settings[name] === undefined) continue;
      checkAddress(name, String(settings[name]), container, (...what) => {
        report(`${field}.ports`, ...what);
      });
    }
    const graceMs = 1_000 * (podOf(workload).terminationGracePeriodSeconds ?? DEFAULT_GRACE_S);
    if (graceMs <= Number(settings.MIC_DRAIN_TIMEOUT_MS)) {
      report(
        `${podFieldOf(workload)}.terminationGracePeriodSeconds`,
        `${graceMs} ms is not longer than MIC_DRAIN_TIMEOUT_MS (${String(settings.MIC_DRAIN_TIMEOUT_MS)} ms)`,
        'give it more, or the process is killed while it drains',
      );
    }
  } catch (error) {
    const { message, remedy } = toMicError(error);
    report(`${field}.env`, message, remedy ?? `see apps/${app}/src/config.ts`);
  }
  return problems;
}

function checkAddress(
  name: string,
  address: string,
  container: Container,
  report: (problem: string, remedy: string) => void,
): void {
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  if (/^(127\.|localhost|\[::1\])/.test(address)) {
    report(`${name} ${address} is not reachable from outside of the pod`, `listen on 0.0.0.0:${port}`);
  }
  if ((container.ports ?? []).some(({ containerPort }) => containerPort === port)) return;
  report(`the app listens on ${address}, which is no container port`, `add containerPort ${port}, or set ${name}`);
}

const isMounted = (container: Container, path: string): boolean =>
  (container.volumeMounts ?? []).some(({ mountPath }) => `${path}/`.startsWith(`${mountPath.replace(/\/$/, '')}/`));

type Wrong = Pick<Problem, 'problem' | 'remedy'>;

/** What is wrong with a variable that names something else in the cluster. */
function targetProblem(build: Build, name: string, value: string): Wrong | undefined {
  if (name === 'MIC_STORE') return storeProblem(build, value);
  const app = TARGETS[name];
  if (app === undefined) return undefined;
  const [, service, port] = FULL_ADDRESS.exec(value) ?? [];
  if (service === undefined) {
    return {
      problem: `${value} is not of the form dns:///service:port`,
      remedy: `write dns:///${app}:PORT: pods come and go, a fixed address does not follow them`,
    };
  }
  return serviceProblem(build, { service, port: Number(port), app });
}

function storeProblem(build: Build, value: string): Wrong | undefined {
  if (!isRedisUrl(value)) {
    return { problem: 'the store is no Redis', remedy: 'name one that all pods share: redis://host:port' };
  }
  try {
    const { nodes } = parseRedisUrl(value);
    // A name with a dot is, or may be, outside of this build.
    const { host, port } = nodes.find((node) => !/[.:]/.test(node.host)) ?? {};
    return host === undefined ? undefined : serviceProblem(build, { service: host, port: port! });
  } catch (error) {
    const { message, remedy } = toMicError(error);
    return { problem: message, remedy: remedy ?? 'write redis://host:port' };
  }
}

function serviceProblem(build: Build, want: { service: string; port: number; app?: string }): Wrong | undefined {
  const { service: name, port, app } = want;
  const service = build.services.find(({ metadata }) => metadata?.name === name);
  if (!service) {
    const names = build.services.map(({ metadata }) => metadata?.name).join(', ');
    return { problem: `there is no Service ${name}`, remedy: `name one of ${names}` };
  }
  const ports = (service.spec?.ports ?? []).map((known) => known.port);
  if (!ports.includes(port)) {
    return { problem: `Service ${name} has no port ${port}`, remedy: `use port ${ports.join(' or ')}` };
  }
  const selector = service.spec?.selector ?? {};
  if (app === undefined || build.running(app).some((workload) => carries(podLabels(workload), selector)))
    return undefined;
  return { problem: `Service ${name} does not lead to ${app}`, remedy: `name the Service of ${app}` };
}
