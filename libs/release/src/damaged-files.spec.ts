import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '@mic/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FILES_OF_PART, MANIFEST_FILE, requiredFiles, type ReleasePart } from './layout';
import { openRelease } from './open-release';
import { readParts } from './release-parts';
import { ReleaseWriter } from './release-writer';
import { smallMeta, writeSmallRelease } from './spec-fixture';

const PARTS = Object.keys(FILES_OF_PART) as ReleasePart[];
const listed = requiredFiles(smallMeta());
const random = new Random(1);

const flipped = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1 << random.below(8);
  return copy;
};

/** What may have become of a file: its bytes, null where it is gone. `other` are those of another release's file. */
const DAMAGES: Record<string, (bytes: Buffer, other: Buffer) => Buffer | null> = {
  'without its last byte': (bytes) => bytes.subarray(0, -1),
  'cut in half': (bytes) => bytes.subarray(0, bytes.length >> 1),
  'cut to nothing': () => Buffer.alloc(0),
  'with a bit of its first byte flipped': (bytes) => flipped(bytes, 0),
  'with a bit of its middle byte flipped': (bytes) => flipped(bytes, bytes.length >> 1),
  'with a bit of its last byte flipped': (bytes) => flipped(bytes, bytes.length - 1),
  'with a bit flipped somewhere': (bytes) => flipped(bytes, random.below(bytes.length)),
  "replaced by another release's": (_, other) => other,
  removed: () => null,
};

/** A release whose every file is as long as the small one's and another. */
async function writeOtherRelease(releasesDir: string, small: string): Promise<string> {
  const writer = await ReleaseWriter.open(releasesDir);
  for (const path of listed) {
    const bytes = await readFile(join(small, path));
    await writer.writeBytes(path, Buffer.concat([bytes.subarray(1), bytes.subarray(0, 1)]));
  }
  return join(releasesDir, (await writer.finish({ ...smallMeta(), dataset: 'other' })).id);
}

let home: string;
let directory: string;
let other: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'mic-damaged-'));
  directory = (await writeSmallRelease(home)).directory;
  other = await writeOtherRelease(home, directory);
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe.each(Object.keys(DAMAGES))('a file %s', (damage) => {
  it.each([...listed, MANIFEST_FILE])('is refused by name, and the release with it: %s', async (path) => {
    const file = join(directory, path);
    const bytes = await readFile(file);
    const otherBytes = await readFile(join(other, path));
    expect(otherBytes.equals(bytes)).toBe(false);
    const changed = DAMAGES[damage]!(bytes, otherBytes);
    if (changed) await writeFile(file, changed);
    else await rm(file);
    // A manifest of another release is whole: it is every file beside it that does not fit.
    const wrong = path === MANIFEST_FILE && changed?.equals(otherBytes) ? listed : [path];
    const refusal = await openRelease(directory).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'DATA_LOSS', subject: expect.toSatisfy((name) => wrong.includes(name)) });
    for (const name of wrong) expect((refusal as Error).message).toContain(`${name} (`);
    for (const part of PARTS.filter((one) => FILES_OF_PART[one].includes(path))) {
      await expect(readParts(directory, [part])).rejects.toMatchObject({ code: 'DATA_LOSS', subject: path });
    }
    await writeFile(file, bytes);
  });
});
