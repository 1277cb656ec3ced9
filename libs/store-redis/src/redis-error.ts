import { MicError, toMicError } from '@mic/domain';

const FULL = /\bOOM\b|^MISCONF|No space left/;
const DENIED = /^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH)/;
/** Replies and client errors that pass when Redis is back. */
const AWAY =
  /^(LOADING|CLUSTERDOWN|TRYAGAIN|MASTERDOWN|READONLY|BUSY|NOREPLICAS|UNBLOCKED)|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN|Connection is closed|isn't writeable|Socket timeout|max retries per request|Socket closed|connect timeout|slots cache|ClusterAllFailed|None of startup nodes|All sentinels are unreachable|Cluster isn't ready|Too many Cluster redirections/i;

/**
 * Errors of Redis and of its client in our codes; errors of ours as they are.
 * @param isCluster the client is one of a cluster: a slot that is elsewhere moves just now.
 */
export function toStoreError(error: unknown, isCluster = false): MicError {
  if (error instanceof MicError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const told = (code: MicError['code'], what: string, remedy: string): MicError =>
    new MicError(code, `${what}: ${message}`, { subject: 'store', remedy, cause: error });
  if (FULL.test(message)) {
    return told(
      'RESOURCE_EXHAUSTED',
      'the store is full',
      'give Redis more memory, or remove releases that nobody serves',
    );
  }
  if (DENIED.test(message)) {
    return told(
      'FAILED_PRECONDITION',
      'Redis refuses the user',
      'give the right user and password in the store address',
    );
  }
  const isElsewhere = /^(MOVED|ASK) /.test(message);
  if ((isElsewhere && !isCluster) || message.startsWith('CROSSSLOT')) {
    return told(
      'FAILED_PRECONDITION',
      'this Redis is part of a cluster',
      'write redis+cluster:// in the store address',
    );
  }
  if (message.startsWith('WRONGTYPE')) {
    return told('DATA_LOSS', 'a key of the store is not ours', 'give the store a prefix of its own (?prefix=name)');
  }
  const name = error instanceof Error ? error.name : '';
  if (isElsewhere || AWAY.test(message) || name === 'ClusterAllFailedError' || name === 'MaxRetriesPerRequestError') {
    return told('UNAVAILABLE', 'the store does not answer', 'check that Redis runs and can be reached, then repeat');
  }
  return toMicError(error);
}
