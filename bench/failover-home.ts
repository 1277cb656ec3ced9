import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReleaseId } from '@mic/domain';
import { mic } from './installation';

const USERS = 2_000;
const SIZE = ['--users', String(USERS), '--items', '1000', '--events', '40000', '--seed', '1'];
/** Users that are asked for. */
const ASKED = 500;

const CHANNEL_MS = 400;
const PATIENT = {
  contextTimeoutMs: CHANNEL_MS,
  channels: Object.fromEntries(['U2I', 'U2U2I', 'U2I2I'].map((name) => [name, { timeoutMs: CHANNEL_MS }])),
};

/** An installation whose history and release are in a store. */
export interface FailoverHome {
  readonly releaseId: ReleaseId;
  readonly userIds: readonly string[];
  /** File of profiles: times that a busy machine keeps, so that what is late is late for the master's sake. */
  readonly profiles: string;
}

/** Makes a small world, a model and a release, and puts history and release into the store. */
export async function makeFailoverHome(home: string, store: string): Promise<FailoverHome> {
  const data = join(home, 'datasets/world');
  const model = join(home, 'runs/model');
  const report = join(home, 'build.json');
  const at = ['--home', home, '--store', store];
  await mic('data', 'synth', ...SIZE, '--out', data);
  await mic('history', 'import', '--data', data, ...at);
  await mic('train', '--data', data, '--out', model, '--seed', '1', '--max-steps', '50');
  await mic('build', '--model', model, '--data', data, ...at, '--json', report);
  const { releaseId } = JSON.parse(await readFile(report, 'utf8')) as { readonly releaseId: ReleaseId };
  await mic('publish', ...at, '--release', releaseId);
  const profiles = join(home, 'profiles.json');
  await writeFile(profiles, JSON.stringify({ default: 'patient', profiles: { patient: PATIENT } }));
  return {
    releaseId,
    profiles,
    userIds: Array.from({ length: ASKED }, (_, i) => `user-${String(i).padStart(5, '0')}`),
  };
}
