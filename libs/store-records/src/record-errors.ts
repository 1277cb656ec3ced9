import { MicError, type ReleaseId } from '@mic/domain';

/** A record that cannot be read. */
export function damaged(message: string, cause?: unknown): MicError {
  const remedy = 'restore the store from a backup, or publish the release into a new one and import the history again';
  return new MicError('DATA_LOSS', message, { remedy, cause });
}

/** @param there ids of the releases that are sealed. */
export function releaseNotThere(releaseId: ReleaseId, there: readonly ReleaseId[]): MicError {
  return new MicError('FAILED_PRECONDITION', `release ${releaseId} is not in the store`, {
    subject: releaseId,
    remedy: there.length > 0 ? `the store has ${there.join(', ')}` : 'publish it first: the store has no release',
  });
}

/** The store has this release with a manifest other than the reader's. */
export function otherContent(releaseId: ReleaseId): MicError {
  return new MicError('FAILED_PRECONDITION', `the store has a release ${releaseId} of other content`, {
    subject: releaseId,
    remedy: 'build the release again, so that it gets an id of its own, and publish that one',
  });
}

export function sealedAlready(releaseId: ReleaseId): MicError {
  return new MicError('ALREADY_EXISTS', `the store has another release under the id ${releaseId}`, {
    subject: releaseId,
    remedy: 'build the release again, so that it gets an id of its own',
  });
}

export function isCurrent(releaseId: ReleaseId): MicError {
  return new MicError('FAILED_PRECONDITION', `release ${releaseId} is the current one`, {
    subject: releaseId,
    remedy: 'publish another release first',
  });
}

export function noUserInRow(releaseId: ReleaseId, row: number): MicError {
  return new MicError('DATA_LOSS', `release ${releaseId} has no user in row ${row}`, {
    remedy: 'publish the release again',
  });
}

/** Its records are gone before it was sealed. */
export function removedMeanwhile(releaseId: ReleaseId): MicError {
  return new MicError('ABORTED', `release ${releaseId} was removed while it was sealed`, {
    subject: releaseId,
    remedy: 'publish it again',
  });
}

/** The lease has run out, or somebody took it. */
export function leaseLost(releaseId: ReleaseId): MicError {
  return new MicError('ABORTED', `the lease was lost before release ${releaseId} was published`, {
    subject: releaseId,
    remedy: 'look who moved the pointer meanwhile (a rollback?); publish again if this release is still wanted',
  });
}

/** @param wanted items that there would be a record of. */
export function tooManyLiveItems(wanted: number, cap: number): MicError {
  const [would, most] = [wanted, cap].map((count) => count.toLocaleString('en'));
  return new MicError('RESOURCE_EXHAUSTED', `the store would have ${would} live items, ${most} are allowed`, {
    subject: 'items',
    remedy: 'publish a release that knows the items, or forget some',
  });
}
