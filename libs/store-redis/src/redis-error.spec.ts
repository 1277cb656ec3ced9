import { MicError } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { toStoreError } from './redis-error';

describe('toStoreError', () => {
  it.each([
    ['CLUSTERDOWN The cluster is down', 'UNAVAILABLE'],
    ['Too many Cluster redirections. Last error: ReplyError: MOVED 5 127.0.0.1:7001', 'UNAVAILABLE'],
    ['Connection is closed.', 'UNAVAILABLE'],
    ['READONLY You can not write against a read only replica.', 'UNAVAILABLE'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'RESOURCE_EXHAUSTED'],
    ['WRONGPASS invalid username-password pair', 'FAILED_PRECONDITION'],
    ['MOVED 5 127.0.0.1:7001', 'FAILED_PRECONDITION'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'DATA_LOSS'],
  ])('%s is %s, with what to do about it', (message, code) => {
    const told = toStoreError(new Error(message));
    expect(told).toMatchObject({ code, subject: 'store', message: expect.stringContaining(message) });
    expect(told.remedy).toBeTruthy();
  });

  it.each(['MOVED 5 127.0.0.1:7001', 'ASK 5 127.0.0.1:7001'])('%s of a cluster is UNAVAILABLE', (message) => {
    const told = toStoreError(new Error(message), true);
    expect(told).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining(message) });
    const crossed = toStoreError(new Error('CROSSSLOT Keys in request'), true);
    expect(crossed.code).toBe('FAILED_PRECONDITION');
  });

  it('leaves errors of ours as they are', () => {
    const ours = new MicError('ABORTED', 'x');
    expect(toStoreError(ours)).toBe(ours);
  });
});
