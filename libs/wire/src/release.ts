import type { OpenRelease } from '@mic/contracts';
import type { ReleaseSummary } from '@mic/recall';

export function toWireRelease({ parentId, ...release }: ReleaseSummary): OpenRelease {
  return { ...release, parentReleaseId: parentId ?? '' };
}
