import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RecallRequest, RecallServiceClient } from '@mic/contracts';
import { createClient, unary } from '@mic/rpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mic, serve, type Served } from './processes';
import { addRelease, makeSmallHome, patientProfiles, succeed, type SmallHome } from './small-home';

/** What happens to a file of the second release; `other` is the same file of the first one. */
const DAMAGES: [what: string, path: string, damage: (file: string, other: string) => Promise<void>][] = [
  ['a flipped bit in a tower', 'towers/user.onnx', (file) => flip(file, 1_000)],
  ['a flipped bit at the end of the lists', 'lists/u2u.rows.u32', (file) => flip(file, -1)],
  ['vectors that are cut', 'items/vectors.f32', async (file) => truncate(file, (await readFile(file)).length - 4)],
  ['vectors of another release', 'users/vectors.f32', (file, other) => cp(other, file)],
  ['a manifest that is gone', 'manifest.json', (file) => rm(file)],
];

async function flip(file: string, at: number): Promise<void> {
  const bytes = await readFile(file);
  bytes[at < 0 ? bytes.length + at : at]! ^= 4;
  await writeFile(file, bytes);
}

let small: SmallHome;
let server: Served;
let client: RecallServiceClient;
let builder: string;
let second: string;

beforeAll(async () => {
  small = await makeSmallHome();
  server = await serve(small.home, ...(await patientProfiles(small.home)));
  client = createClient(RecallServiceClient, server.address);
  builder = await mkdtemp(join(tmpdir(), 'mic-builder-'));
  second = await addRelease(builder, 2);
  await cp(join(builder, 'releases', second), intact(), { recursive: true });
}, 120_000);
afterAll(async () => {
  client.close();
  await server.stop('SIGKILL');
  await Promise.all([small.home, builder].map((folder) => rm(folder, { recursive: true, force: true })));
});

const intact = () => join(builder, 'intact');
const folder = () => join(builder, 'releases', second);
const publish = () => ['publish', '--home', builder, '--store', join(small.home, 'store'), '--release', second];
const recall = () => {
  const request = RecallRequest.fromPartial({ userId: small.userIds[0], profile: 'patient' });
  return unary(client, 'recall', request, { deadlineMs: 20_000 });
};
async function restore(from = intact()): Promise<void> {
  await rm(folder(), { recursive: true, force: true });
  await cp(from, folder(), { recursive: true });
}

describe('a release that is damaged', () => {
  it.each(DAMAGES)('by %s is refused by name, and the old one is served on', async (_, path, damage) => {
    await restore();
    await damage(join(folder(), path), join(small.home, 'releases', small.releaseId, path));
    const refused = await mic(...publish());
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(`${path} (`)]);
    expect(await recall()).toMatchObject({ releaseId: small.releaseId, degraded: false });
  });

  it('is not published under the name of another', async () => {
    await restore(join(small.home, 'releases', small.releaseId));
    const refused = await mic(...publish());
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(`holds release ${small.releaseId}`)]);
    expect(await recall()).toMatchObject({ releaseId: small.releaseId, degraded: false });
  });

  it('is taken once it is restored', async () => {
    await restore();
    await cp(intact(), join(small.home, 'releases', second), { recursive: true });
    await succeed(...publish());
    await expect.poll(async () => (await recall()).releaseId, { timeout: 40_000, interval: 100 }).toBe(second);
  });
});
