import { parentPort, workerData } from 'node:worker_threads';
import { toMicError } from '@mic/domain';
import type { PartsAnswer, PartsRequest } from './parts-protocol';
import { readParts, type ReadParts } from './release-parts';
import { longRests, NO_REST } from './rest';

/** The memory of the parts that changes hands; what threads share stays where it is. */
function memoryOf({ towers, catalog }: ReadParts): ArrayBuffer[] {
  return [...Object.values(towers ?? {}), ...Object.values(catalog ?? {})].flatMap((value: unknown) =>
    ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer ? [value.buffer] : [],
  );
}

const { directory, parts, gently } = workerData as PartsRequest;
try {
  const { manifest, read } = await readParts(directory, parts, gently ? longRests() : NO_REST);
  parentPort!.postMessage({ ok: true, manifest, read } satisfies PartsAnswer, memoryOf(read));
} catch (error) {
  const { code, message, subject, remedy } = toMicError(error);
  parentPort!.postMessage({ ok: false, code, message, subject, remedy } satisfies PartsAnswer);
}
