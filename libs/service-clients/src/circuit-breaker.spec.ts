import { MicError, type ErrorCode } from '@mic/domain';
import { errorOfStatus, statusOfError } from '@mic/rpc';
import { describe, expect, it } from 'vitest';
import { CircuitBreaker, type BreakerEvent } from './circuit-breaker';
import type { Rpc } from './rpcs';

const fault = new MicError('INTERNAL', 'it broke');

function open(faults: number, rpc: Rpc = 'search') {
  let now = 0;
  const events: BreakerEvent[] = [];
  const breaker = new CircuitBreaker({
    service: 'ann-service',
    rpc,
    onBreaker: (event) => events.push(event),
    clock: () => now,
  });
  const fail = (times: number, error = fault): void => {
    for (let i = 0; i < times; i++) breaker.failed(error);
  };
  const lets = (atMs: number): boolean => {
    now = atMs;
    try {
      breaker.enter();
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
      return false;
    }
  };
  fail(faults);
  return { breaker, events, fail, lets };
}

describe('CircuitBreaker', () => {
  it('opens at the 20th fault in a row, and says why', () => {
    const { breaker, events, fail, lets } = open(19);
    expect([breaker.isOpen, lets(0), lets(0)]).toEqual([false, true, true]);
    fail(1);
    expect(breaker.isOpen).toBe(true);
    expect(() => {
      breaker.enter();
    }).toThrow(
      expect.objectContaining({
        code: 'RESOURCE_EXHAUSTED',
        message:
          'the ann-service failed 20 calls of search in a row, the last with INTERNAL: it broke; ' +
          'this one was not made, to protect it',
        remedy: expect.stringContaining('100 ms'),
      }),
    );
    expect(events).toEqual([{ service: 'ann-service', rpc: 'search', isOpen: true, faults: 20, lastFault: fault }]);
  });

  it('lets one call through every 100 ms, whatever became of the one before', () => {
    const { events, fail, lets } = open(20);
    expect([0, 99, 100, 100, 199].map(lets)).toEqual([false, false, true, false, false]);
    expect([200, 201].map(lets)).toEqual([true, false]);
    fail(2);
    expect([299, 300, 301].map(lets)).toEqual([false, true, false]);
    expect(events).toHaveLength(1);
  });

  it('closes with one answer, and counts from the beginning', () => {
    const { breaker, events, fail, lets } = open(20);
    expect(lets(100)).toBe(true);
    fail(1);
    breaker.answered();
    expect([lets(100), lets(100)]).toEqual([true, true]);
    expect(events.at(-1)).toEqual({
      service: 'ann-service',
      rpc: 'search',
      isOpen: false,
      faults: 21,
      lastFault: fault,
    });
    fail(19);
    expect(breaker.isOpen).toBe(false);
    breaker.answered();
    expect(events).toHaveLength(2);
  });

  it.each<[ErrorCode, boolean]>([
    ['UNAVAILABLE', true],
    ['INTERNAL', true],
    ['DATA_LOSS', true],
    ['DEADLINE_EXCEEDED', true],
    ['INVALID_ARGUMENT', false],
    ['NOT_FOUND', false],
    ['FAILED_PRECONDITION', false],
    ['RESOURCE_EXHAUSTED', false],
    ['UNIMPLEMENTED', false],
  ])('%s is a fault: %s; an error that is none is an answer', (code, isFault) => {
    const { breaker, fail } = open(19);
    fail(1, new MicError(code, 'said'));
    expect(breaker.isOpen).toBe(isFault);
    fail(19);
    expect(breaker.isOpen).toBe(isFault);
  });

  it('refuses writes as UNAVAILABLE: who called repeats them', () => {
    const { breaker } = open(20, 'appendEvents');
    expect(() => {
      breaker.enter();
    }).toThrow(
      expect.objectContaining({
        code: 'UNAVAILABLE',
        message: expect.stringMatching(/^the ann-service failed 20 calls/) as string,
      }),
    );
  });

  it('takes INTERNAL of embedItems for a word on the items, not on the service', () => {
    const { breaker, fail } = open(20, 'embedItems');
    expect(breaker.isOpen).toBe(false);
    fail(20, new MicError('UNAVAILABLE', 'gone'));
    expect(breaker.isOpen).toBe(true);
  });

  it('takes a service at its word that it is late, and lets nothing follow from what the caller cancelled', () => {
    const { code, details, metadata } = statusOfError(new MicError('DEADLINE_EXCEEDED', 'late'));
    const late = errorOfStatus(Object.assign(new Error(details), { code, details, metadata }));
    const { breaker, fail } = open(19);
    fail(1, late);
    fail(19);
    expect(breaker.isOpen).toBe(false);
    fail(1, new MicError('CANCELLED', 'gone'));
    expect(breaker.isOpen).toBe(false);
    fail(1);
    fail(1, new MicError('CANCELLED', 'gone'));
    expect(breaker.isOpen).toBe(true);
  });
});
