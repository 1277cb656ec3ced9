import { MicError, toMicError, type ReleaseId } from '@mic/domain';
import type { CallOptions } from '@mic/recall';
import type { UnaryOptions } from '@mic/rpc';

/** The release that a caller has open: every call of a service names it, and whoever has another one refuses. */
export interface CallersRelease {
  readonly releaseId: ReleaseId;
  readonly manifestSha256: string;
}

/** For callers that set no limit, milliseconds. */
const DEFAULT_TIMEOUT_MS = 10_000;

/** Deadline, cancellation and request id travel on. */
export function callOptions({ signal, requestId, timeoutMs }: CallOptions): UnaryOptions {
  return { deadlineMs: timeoutMs ?? DEFAULT_TIMEOUT_MS, signal, requestId };
}

/** The answer of a service; an error says whose it is. */
export async function ask<T>(service: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const { code, message, remedy, subject } = toMicError(error);
    throw new MicError(code, `the ${service}: ${message}`, { remedy, subject, cause: error });
  }
}

/** The release as requests name it. @throws MicError FAILED_PRECONDITION when another one than the caller's is asked for. */
export function wantedOnWire(open: CallersRelease, asked: ReleaseId): { releaseId: string; manifestSha256: string } {
  if (asked === open.releaseId) return { ...open };
  throw new MicError('FAILED_PRECONDITION', `release ${asked} is asked for, ${open.releaseId} is open here`, {
    subject: 'release_id',
    remedy: 'ask for the release that is served',
  });
}

/** @throws MicError FAILED_PRECONDITION when an answer is of another release than the one asked for. */
export function checkAnswered(service: string, asked: ReleaseId, answered: string): void {
  if (answered === asked) return;
  throw new MicError('FAILED_PRECONDITION', `the ${service} answered from release ${answered}, not ${asked}`, {
    subject: 'release_id',
    remedy: `run a version of the ${service} that pins requests to their release`,
  });
}
