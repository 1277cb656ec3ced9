import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MicError } from '@mic/domain';
import { z } from 'zod';
import type { FileProblem } from './file-problem';
import { MANIFEST_FILE } from './layout';
import { canonicalManifest, manifestDigest, manifestSchema, releaseFileSchema } from './manifest';
import type { Manifest, ReleaseFile } from './manifest';

/** A manifest as it was found. */
export interface InspectedManifest {
  /** Null unless the manifest is exactly what was written. */
  readonly manifest: Manifest | null;
  readonly id: string | null;
  /** The files it lists; of a damaged manifest those that can still be read. */
  readonly files: readonly ReleaseFile[];
  readonly bytes: number;
  readonly problems: readonly FileProblem[];
}

const RESTORE = 'copy manifest.json again from an intact copy of this release, or build a new release';
const salvageSchema = z.object({ id: z.string().optional().catch(undefined), files: z.array(z.unknown()).catch([]) });

/** Reads a release's manifest and reports what is wrong with it. @param kind what the folder has under that name. */
export async function inspectManifest(directory: string, kind: string): Promise<InspectedManifest> {
  const broken = (problem: FileProblem['problem'], expected: string, found: string, raw?: unknown, bytes = 0) => {
    const salvaged = salvageSchema.safeParse(raw).data;
    const files = (salvaged?.files ?? []).flatMap((file) => releaseFileSchema.safeParse(file).data ?? []);
    const problems = [{ path: MANIFEST_FILE, problem, expected, found, remedy: RESTORE }];
    return { manifest: null, id: salvaged?.id ?? null, files, bytes, problems };
  };
  if (kind === 'missing') return broken('missing', 'a manifest', 'no file');
  if (kind !== 'file') return broken(kind === 'symlink' ? 'symlink' : 'not-a-file', 'a file', kind);
  const bytes = await readFile(join(directory, MANIFEST_FILE));
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    return broken('manifest', 'JSON in UTF-8', (error as Error).message, undefined, bytes.length);
  }
  const parsed = manifestSchema.safeParse(raw);
  if (!parsed.success) {
    const found = z.prettifyError(parsed.error).replaceAll('\n', '; ');
    return broken('manifest', 'the fields of a manifest', found, raw, bytes.length);
  }
  const manifest = parsed.data;
  if (!bytes.equals(Buffer.from(canonicalManifest(manifest)))) {
    return broken('manifest', 'the canonical form of its content', 'other bytes', raw, bytes.length);
  }
  const digest = manifestDigest(manifest);
  if (digest !== manifest.manifestSha256) {
    return broken('manifest', `manifestSha256 ${manifest.manifestSha256}`, digest, raw, bytes.length);
  }
  const paths = manifest.files.map((file) => file.path);
  if (new Set(paths).size !== paths.length) {
    return broken('manifest', 'every path once', 'a path is listed twice', raw, bytes.length);
  }
  return { manifest, id: manifest.id, files: manifest.files, bytes: bytes.length, problems: [] };
}

/**
 * Reads a release's manifest alone, without a look at the other files.
 *
 * @throws MicError NOT_FOUND when there is none, DATA_LOSS when it is not what was written.
 */
export async function readManifest(directory: string): Promise<Manifest> {
  const path = join(directory, MANIFEST_FILE);
  const inspected = await inspectManifest(directory, 'file').catch((cause: unknown) => {
    throw new MicError('NOT_FOUND', `there is no readable ${path}`, {
      subject: path,
      remedy: 'name a release that is there: `mic releases list` shows those of a home',
      cause,
    });
  });
  if (inspected.manifest) return inspected.manifest;
  const { expected, found, remedy } = inspected.problems[0]!;
  throw new MicError('DATA_LOSS', `${path}: expected ${expected}, found ${found}`, { subject: path, remedy });
}
