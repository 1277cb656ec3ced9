import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { CronJob } from 'kubernetes-types/batch/v1';
import type { ConfigMap, Container, PersistentVolumeClaim, Secret, Service } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkBuild } from '../../tools/k8s/check-build';
import { kustomize } from '../../tools/k8s/kustomize';
import type { KubernetesObject, Problem, Workload } from '../../tools/k8s/objects';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'mic-k8s-'));
let dev: KubernetesObject[];

beforeAll(() => {
  dev = kustomize(join(root, 'k8s/overlays/dev'));
});
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** The objects of a build, to be spoilt. Generated names are found without their hash. */
class Objects {
  readonly all = structuredClone(dev);

  find<T>(kind: string, name: string): T {
    const found = this.all.find((o) => o.kind === kind && o.metadata.name?.replace(/-[a-z0-9]{10}$/, '') === name);
    if (!found) throw new Error(`no ${kind}/${name}`);
    return found as T;
  }
  service = (name: string) => this.find<Service>('Service', name).spec!;
  pod = (name: string) => this.find<Workload>('Deployment', name).spec!.template!.spec!;
  container = (name: string): Container => this.pod(name).containers[0]!;
  variable(app: string, name: string) {
    return this.container(app).env!.find((variable) => variable.name === name)!;
  }
}

/** The problems of the dev overlay after a change. */
function after(spoil: (objects: Objects) => void): readonly Problem[] {
  const objects = new Objects();
  spoil(objects);
  return checkBuild(objects.all);
}

const shown = ({ object, field, problem, remedy }: Problem): string => `${object}: ${field}: ${problem}; ${remedy}`;

async function run(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const command = ['--import', 'tsx', join(root, 'tools/k8s-validate.ts'), ...args];
  const child = spawn(process.execPath, command, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, stderr };
}

describe('the overlay dev', () => {
  it('fits on one small node, the hourly run too', () => {
    const objects = new Objects();
    const job = objects.find<CronJob>('CronJob', 'mic-hourly').spec!.jobTemplate.spec!.template.spec!.containers[0]!;
    expect(job).toMatchObject({ name: 'mic', resources: { requests: { cpu: '100m', memory: '512Mi' } } });
    const home = objects.find<PersistentVolumeClaim>('PersistentVolumeClaim', 'mic-home').spec!;
    expect(home.resources!.requests).toEqual({ storage: '5Gi' });
  });

  it('has a Redis that refuses what does not fit, before its container is killed for it', () => {
    const redis = new Objects().find<StatefulSet>('StatefulSet', 'redis').spec!.template.spec!.containers[0]!;
    expect(redis.args!.join(' ')).toContain('--maxmemory 400mb --maxmemory-policy noeviction');
    expect(redis.resources!.limits).toMatchObject({ memory: '512Mi' });
  });
});

describe('the command', () => {
  it('finds nothing wrong with the base and the overlays', async () => {
    const { status, stdout } = await run([]);
    expect(stdout).toBe('29 objects of k8s/base, k8s/overlays/dev checked, 0 problems\n');
    expect(status).toBe(0);
  });

  it('names folder, object, field and remedy, and says the same as JSON', async () => {
    cpSync(join(root, 'k8s'), join(scratch, 'k8s'), { recursive: true });
    const file = join(scratch, 'k8s/base/ann-service.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('targetPort: grpc', 'targetPort: 7071'));
    const [base, overlay] = [join(scratch, 'k8s/base'), join(scratch, 'k8s/overlays/dev')];

    const text = await run([base, overlay]);
    const said = 'Service/ann-service: spec.ports[0].targetPort: Deployment/ann-service has no container port 7071';
    expect(text.stdout.split('\n')).toEqual([
      `${base} ${said}; use grpc (7070) or metrics (9090)`,
      `${overlay} ${said}; use grpc (7070) or metrics (9090)`,
      `29 objects of ${base}, ${overlay} checked, 2 problems`,
      '',
    ]);
    expect(text.status).toBe(1);

    const json = await run(['--json', overlay]);
    expect(JSON.parse(json.stdout)).toEqual({
      builds: [overlay],
      objects: 16,
      problems: [
        {
          build: overlay,
          object: 'Service/ann-service',
          field: 'spec.ports[0].targetPort',
          problem: 'Deployment/ann-service has no container port 7071',
          remedy: 'use grpc (7070) or metrics (9090)',
        },
      ],
    });
    expect(json.status).toBe(1);
  });

  it('says how to get kubectl when there is none', async () => {
    const { status, stderr } = await run([], { PATH: scratch });
    expect(stderr).toContain('on Debian, apt-get install kubernetes-client');
    expect(status).toBe(1);
  });

  it('fails when a folder cannot be built', async () => {
    const { status, stderr } = await run([join(scratch, 'absent')]);
    expect(stderr).toContain(`kubectl kustomize ${join(scratch, 'absent')} failed`);
    expect(status).toBe(1);
  });
});

const CONTAINER = 'spec.template.spec.containers';

describe('a planted mistake', () => {
  it('is needed for a problem', () => {
    expect(after(() => {})).toEqual([]);
  });

  it.each<[string, (objects: Objects) => void, string | RegExp]>([
    [
      'an unknown field',
      (o) => Object.assign(o.container('ann-service').ports![0]!, { containerPortt: 7070 }),
      `Deployment/ann-service: ${CONTAINER}[0].ports[0].containerPortt: ContainerPort has no field containerPortt; write containerPort`,
    ],
    [
      'a wrong type',
      (o) => Object.assign(o.find<Workload>('Deployment', 'ann-service').spec!, { replicas: '2' }),
      `Deployment/ann-service: spec.replicas: Type 'string' is not assignable to type 'number'.; give a value of that type`,
    ],
    [
      'a missing field',
      (o) => Reflect.deleteProperty(o.find<Workload>('Deployment', 'ann-service').spec!, 'selector'),
      /^Deployment\/ann-service: spec: Property 'selector' is missing/,
    ],
    [
      'an unknown kind',
      (o) => Object.assign(o.find<object>('Service', 'redis'), { kind: 'Servise' }),
      'Servise/redis: kind: kind Servise of v1 is unknown; use a kind and version of Kubernetes 1.30',
    ],
    [
      'an unknown version',
      (o) => Object.assign(o.find<object>('Deployment', 'ann-service'), { apiVersion: 'extensions/v1beta1' }),
      /^Deployment\/ann-service: kind: kind Deployment of extensions\/v1beta1 is unknown/,
    ],
    [
      'a wrong targetPort',
      (o) => (o.service('user-embedder').ports![0]!.targetPort = 'http'),
      'Service/user-embedder: spec.ports[0].targetPort: Deployment/user-embedder has no container port http; use grpc (7070) or metrics (9090)',
    ],
    [
      'another port at a headless Service',
      (o) => (o.service('user-embedder').ports![0]!.port = 80),
      'Service/user-embedder: spec.ports[0].port: a headless Service cannot turn port 80 into 7070; use 7070',
    ],
    [
      'a Service with an address',
      (o) => Reflect.deleteProperty(o.service('neighbor-store'), 'clusterIP'),
      /^Service\/neighbor-store: spec.clusterIP: it is not headless/,
    ],
    [
      'a Service that selects two workloads',
      (o) => (o.service('redis').selector = { 'app.kubernetes.io/part-of': 'mic' }),
      /^Service\/redis: spec.selector: it selects Deployment\/ann-service and /,
    ],
    [
      'a Service that selects none',
      (o) => (o.service('redis').selector = { app: 'redis' }),
      'Service/redis: spec.selector: it selects nothing; select by the labels of one pod template',
    ],
    [
      'a workload that does not select its own pods',
      (o) => (o.find<Workload>('Deployment', 'ann-service').spec!.selector!.matchLabels = { app: 'ann' }),
      /^Deployment\/ann-service: spec.selector.matchLabels: it does not select its own pods/,
    ],
    [
      'a wrong probe port',
      (o) => (o.container('ann-service').readinessProbe!.grpc!.port = 7071),
      `Deployment/ann-service: ${CONTAINER}[ann-service].readinessProbe: 7071 is no port of the container; use grpc (7070) or metrics (9090)`,
    ],
    [
      'a liveness probe that asks for a release',
      (o) => Reflect.deleteProperty(o.container('ann-service').livenessProbe!.grpc!, 'service'),
      /\[ann-service\]\.livenessProbe: asks for the whole server, which kills pods .*; ask for liveness$/,
    ],
    [
      'no readiness probe',
      (o) => Reflect.deleteProperty(o.container('neighbor-store'), 'readinessProbe'),
      /\[neighbor-store\]\.readinessProbe: is missing; add grpc: \{ port: 7070 \}$/,
    ],
    [
      'a misspelt variable',
      (o) => (o.variable('ann-service', 'MIC_SEARCH_THREADS').name = 'MIC_SEARCH_THREAD'),
      /env\[MIC_SEARCH_THREAD\]: ann-service reads no such variable; write one of .*MIC_SEARCH_THREADS/,
    ],
    [
      'a value that the app refuses',
      (o) => (o.variable('ann-service', 'MIC_SEARCH_THREADS').value = 'two'),
      /^Deployment\/ann-service: .*\.env: .*MIC_SEARCH_THREADS: is not a whole number; set MIC_SEARCH_THREADS$/,
    ],
    [
      'a missing variable',
      (o) => o.container('user-embedder').env!.splice(0, 1),
      /^Deployment\/user-embedder: .*\.env: the environment is not right: MIC_STORE: .*; set MIC_STORE$/,
    ],
    [
      'a variable set twice',
      (o) => o.container('user-embedder').env!.push({ ...o.variable('user-embedder', 'MIC_RELEASES') }),
      /env\[MIC_RELEASES\]: is set twice/,
    ],
    [
      'a setting of the ConfigMap that the app refuses',
      (o) => (o.find<ConfigMap>('ConfigMap', 'mic-settings').data!.MIC_LOG_LEVEL = 'loud'),
      /^Deployment\/user-embedder: .*\.env: .*MIC_LOG_LEVEL: /,
    ],
    [
      'a missing key of a Secret',
      (o) => (o.find<Secret>('Secret', 'mic-store').data = {}),
      /env\[MIC_STORE\]: Secret mic-store-\w+ has no key url; add the key/,
    ],
    [
      'a missing key of a ConfigMap',
      (o) => {
        const { metadata } = o.find<ConfigMap>('ConfigMap', 'mic-settings');
        const valueFrom = { configMapKeyRef: { name: metadata!.name!, key: 'threads' } };
        Object.assign(o.variable('ann-service', 'MIC_SEARCH_THREADS'), { value: undefined, valueFrom });
      },
      /env\[MIC_SEARCH_THREADS\]: ConfigMap mic-settings-\w+ has no key threads; .* MIC_DRAIN_TIMEOUT_MS, MIC_LOG_LEVEL, MIC_METRICS_ADDRESS$/,
    ],
    [
      'a missing ConfigMap',
      (o) => (o.container('ann-service').envFrom![0]!.configMapRef!.name = 'settings'),
      /envFrom\[0\]: there is no ConfigMap settings in the build; add it/,
    ],
    [
      'a missing claim',
      (o) => (o.pod('ann-service').volumes![0]!.persistentVolumeClaim!.claimName = 'release'),
      /volumes\[releases\]: there is no PersistentVolumeClaim release in the build/,
    ],
    [
      'a mount of no volume',
      (o) => (o.container('ann-service').volumeMounts![0]!.name = 'release'),
      /volumeMounts\[\/releases\]: there is no volume release/,
    ],
    [
      'releases outside of every mount',
      (o) => (o.variable('ann-service', 'MIC_RELEASES').value = '/var/releases'),
      /env\[MIC_RELEASES\]: \/var\/releases lies in no volume/,
    ],
    [
      'a target of no Service',
      (o) => (o.variable('recall-gateway', 'MIC_ANN_SERVICE').value = 'dns:///ann:7070'),
      /^Deployment\/recall-gateway: .*env\[MIC_ANN_SERVICE\]: there is no Service ann; name one of ann-service, /,
    ],
    [
      'a target of another app',
      (o) => (o.variable('recall-gateway', 'MIC_ANN_SERVICE').value = 'dns:///user-embedder:7070'),
      /env\[MIC_ANN_SERVICE\]: Service user-embedder does not lead to ann-service/,
    ],
    [
      'a target of another port',
      (o) => (o.variable('recall-gateway', 'MIC_ANN_SERVICE').value = 'dns:///ann-service:7071'),
      /env\[MIC_ANN_SERVICE\]: Service ann-service has no port 7071; use port 7070/,
    ],
    [
      'a target by a fixed address',
      (o) => (o.variable('recall-gateway', 'MIC_ANN_SERVICE').value = 'ann-service:7070'),
      /env\[MIC_ANN_SERVICE\]: ann-service:7070 is not of the form dns:\/\/\/service:port/,
    ],
    [
      'a store of no Service',
      (o) => (o.find<Secret>('Secret', 'mic-store').data!.url = Buffer.from('redis://radish:6379').toString('base64')),
      /env\[MIC_STORE\]: there is no Service radish/,
    ],
    [
      'a store that pods cannot share',
      (o) => (o.find<Secret>('Secret', 'mic-store').data!.url = Buffer.from('store').toString('base64')),
      /env\[MIC_STORE\]: the store is no Redis/,
    ],
    [
      'an address that the container does not declare',
      (o) => o.container('neighbor-store').env!.push({ name: 'MIC_ADDRESS', value: '0.0.0.0:7071' }),
      /\.ports: the app listens on 0.0.0.0:7071, which is no container port/,
    ],
    [
      'an address that no probe reaches',
      (o) => o.container('neighbor-store').env!.push({ name: 'MIC_ADDRESS', value: '127.0.0.1:7070' }),
      /\.ports: MIC_ADDRESS 127.0.0.1:7070 is not reachable from outside of the pod/,
    ],
    [
      'a hourly run that may write its root file system',
      (o) => {
        const { jobTemplate } = o.find<Workload>('CronJob', 'mic-hourly').spec!;
        Object.assign(jobTemplate!.spec!.template!.spec!.containers[0]!.securityContext!, {
          readOnlyRootFilesystem: false,
        });
      },
      /^CronJob\/mic-hourly: spec\.jobTemplate\.spec\.template\.spec\.containers\[mic\]\..*readOnlyRootFilesystem/,
    ],
    [
      'less grace than draining takes',
      (o) => (o.pod('ann-service').terminationGracePeriodSeconds = 10),
      /terminationGracePeriodSeconds: 10000 ms is not longer than MIC_DRAIN_TIMEOUT_MS \(10000 ms\)/,
    ],
    [
      'an image of another app',
      (o) => (o.container('ann-service').image = 'mic/user-embedder:0.1.0'),
      /image: is mic\/user-embedder:0.1.0, not an image of ann-service/,
    ],
    [
      'an app left out',
      (o) => o.all.splice(o.all.indexOf(o.find('Deployment', 'ann-service')), 1),
      /^app ann-service: the build: no workload runs it/,
    ],
    [
      'a root file system that can be written',
      (o) => Reflect.deleteProperty(o.container('ann-service').securityContext!, 'readOnlyRootFilesystem'),
      /\[ann-service\]\.securityContext\.readOnlyRootFilesystem: the root file system can be written; set it to true/,
    ],
    [
      'a pod that may run as root',
      (o) => (o.pod('ann-service').securityContext!.runAsUser = 0),
      /securityContext\.runAsNonRoot: it may run as root/,
    ],
    [
      'capabilities',
      (o) => (o.container('ann-service').securityContext!.capabilities!.add = ['NET_ADMIN']),
      /securityContext\.capabilities: the process has capabilities it does not need/,
    ],
    [
      'a missing limit',
      (o) => Reflect.deleteProperty(o.container('ann-service').resources!.limits!, 'memory'),
      /\[ann-service\]\.resources\.limits\.memory: is missing/,
    ],
    [
      'a request above its limit',
      (o) => (o.container('ann-service').resources!.requests!.memory = '8Gi'),
      /\[ann-service\]\.resources\.requests\.memory: is above the limit/,
    ],
  ])('%s is named', (_what, spoil, expected) => {
    const lines = after(spoil).map(shown);
    expect(lines).toContainEqual(typeof expected === 'string' ? expected : expect.stringMatching(expected));
  });

  it('is not a Secret that the cluster is said to provide', () => {
    const withoutSecret = (o: Objects) => o.all.splice(o.all.indexOf(o.find('Secret', 'mic-store')), 1);
    const nameInCluster = (o: Objects) => {
      for (const app of ['user-embedder', 'ann-service', 'neighbor-store', 'recall-gateway']) {
        o.variable(app, 'MIC_STORE').valueFrom!.secretKeyRef!.name = 'mic-store';
      }
    };
    const provided = after((o) => {
      withoutSecret(o);
      nameInCluster(o);
    });
    expect(provided).toEqual([]);
    const forgotten = after((o) => {
      withoutSecret(o);
      nameInCluster(o);
      o.find<KubernetesObject>('Deployment', 'ann-service').metadata.annotations = {};
    });
    expect(forgotten.map(shown)).toEqual([
      expect.stringMatching(/^Deployment\/ann-service: .*env\[MIC_STORE\]: there is no Secret mic-store in the build/),
    ]);
  });
});
