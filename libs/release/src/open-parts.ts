import { MicError, parseReleaseId } from '@mic/domain';
import { startThread } from '@mic/thread-entry';
import { itemCatalog } from './item-catalog';
import type { ReleasePart } from './layout';
import type { PartsAnswer, PartsRequest } from './parts-protocol';
import type { ReadParts, ReleaseParts, ServedRelease } from './release-parts';

/**
 * Opens the parts of a release that a service uses, in a thread. Place and size of every file of the release are looked at, checksums and contents of the files of these parts.
 *
 * @param gently at the lowest priority and with long rests, so that what is served meanwhile feels little of it; it takes four
 *   times as long.
 * @throws MicError NOT_FOUND when there is no such folder; DATA_LOSS, naming every bad file, when verification fails.
 */
export async function openParts<P extends ReleasePart>(
  directory: string,
  parts: readonly P[],
  gently = false,
): Promise<ServedRelease<P>> {
  const workerData: PartsRequest = { directory, parts, gently };
  const options = { name: 'release-reader', workerData, priority: gently ? 'background' : 'normal' } as const;
  const worker = startThread('parts-reader', import.meta.url, options);
  const answer = await new Promise<PartsAnswer>((resolve, reject) => {
    const fail = (cause: unknown): void => {
      const why = cause instanceof Error ? `: ${cause.message}` : '';
      reject(new MicError('UNAVAILABLE', `the thread that reads ${directory} ended${why}`, { remedy: 'try again' }));
    };
    worker.once('message', resolve);
    worker.once('error', fail);
    worker.once('exit', fail);
  }).finally(() => worker.terminate());
  if (!answer.ok) {
    const { code, message, subject, remedy } = answer;
    throw new MicError(code, message, { subject, remedy });
  }
  const { manifest, read } = answer;
  return { releaseId: parseReleaseId(manifest.id), manifest, ...opened(read) } as ServedRelease<P>;
}

function opened({ catalog, ...others }: ReadParts): Partial<ReleaseParts> {
  return { ...others, ...(catalog && { catalog: itemCatalog(catalog) }) };
}
