import { RecallResponse } from '@mic/contracts';
import { describe, expect, it } from 'vitest';
import { violationsOf, type Expected } from './outcomes-judge';

const expected: Expected = {
  releaseId: 'r1',
  itemIds: new Set(['a', 'b', 'c', 'd']),
  n: 2,
  isKnown: true,
  seen: new Set(['d']),
  off: [],
  gone: [],
};

type Reports = Partial<Record<'U2I' | 'U2U2I' | 'U2I2I' | 'POPULAR', readonly [outcome: string, message?: string]>>;

/** Two items of U2I, nothing wrong; POPULAR was not needed. */
function answer(change: Parameters<typeof RecallResponse.fromPartial>[0] = {}, reports: Reports = {}): RecallResponse {
  const outcomes: Reports = { U2I: ['OK'], U2U2I: ['OK'], U2I2I: ['EMPTY'], POPULAR: ['DISABLED'], ...reports };
  return RecallResponse.fromPartial({
    releaseId: 'r1',
    userKnown: true,
    degraded: false,
    items: [item('a', 2), item('b', 1)],
    channels: Object.entries(outcomes).map(([channel, [outcome, message = '']]) => ({
      channel: `CHANNEL_${channel}` as never,
      outcome: `OUTCOME_${outcome}` as never,
      message,
    })),
    ...change,
  });
}
const item = (itemId: string, score: number, channel = 'CHANNEL_U2I') => ({
  itemId,
  score,
  sources: [{ channel: channel as never, score: 1, trigger: '' }],
});

describe('violationsOf', () => {
  it('finds nothing in an answer that is right', () => {
    expect(violationsOf(answer(), expected)).toEqual([]);
    expect(violationsOf(answer({ degraded: true }, { U2I2I: ['LATE'] }), expected)).toEqual([]);
  });

  it.each<[string, ReturnType<typeof answer>]>([
    ['an item twice', answer({ items: [item('a', 2), item('a', 1)] })],
    ['more items than wanted', answer({ items: [item('a', 3), item('b', 2), item('c', 1)] })],
    ['fewer items than wanted', answer({ items: [item('a', 3)] })],
    ['an item that the release does not have', answer({ items: [item('a', 2), item('e', 1)] })],
    ['a seen item', answer({ items: [item('a', 2), item('d', 1)] })],
    ['a score above the one before', answer({ items: [item('a', 1), item('b', 2)] })],
    ['a score that is no number', answer({ items: [item('a', Number.NaN), item('b', 2)] })],
    ['an item without a source', answer({ items: [item('a', 2), { itemId: 'b', score: 1 }] })],
    ['a source that is not OK', answer({ items: [item('a', 2), item('b', 1, 'CHANNEL_U2I2I')] })],
    ['degraded, and no channel is', answer({ degraded: true })],
    ['not degraded, and a channel is', answer({}, { U2U2I: ['SHED'] })],
    ['another release', answer({ releaseId: 'r2' })],
    ['user known: false', answer({ userKnown: false })],
  ])('says "%s"', (violation, response) => {
    expect(violationsOf(response, expected)).toEqual([violation]);
  });

  it('wants each channel once', () => {
    const { channels, ...rest } = answer();
    expect(violationsOf({ ...rest, channels: channels.slice(1) }, expected)).toContain('not each channel once');
    expect(violationsOf({ ...rest, channels: [...channels, channels[0]!] }, expected)).toContain(
      'not each channel once',
    );
  });

  it('asks for no seen items where the history could not be read, and for no knowledge of the user', () => {
    const reports: Reports = {
      U2I: ['LATE', "the user's history could not be read: no answer within 15 ms"],
      U2I2I: ['LATE', "the user's history could not be read: no answer within 15 ms"],
      POPULAR: ['OK', "answered without the user's stored history and profile: no answer within 15 ms"],
    };
    const items = [item('d', 2, 'CHANNEL_POPULAR'), item('a', 1, 'CHANNEL_POPULAR')];
    expect(violationsOf(answer({ degraded: true, userKnown: false, items }, reports), expected)).toEqual([]);
    expect(violationsOf(answer({ degraded: true, userKnown: true, items }, reports), expected)).toEqual([
      'user known: true',
    ]);
  });

  it('asks a pressed answer for no knowledge of the user, with the fallback off, too', () => {
    const busy = 'the process is busy: what runs already takes the time that this request has';
    const reports: Reports = {
      U2I: ['SHED', busy],
      U2U2I: ['SHED', busy],
      U2I2I: ['SHED', busy],
      POPULAR: ['DISABLED', 'off in the request'],
    };
    const off: Expected = { ...expected, off: ['POPULAR'] };
    expect(violationsOf(answer({ degraded: true, userKnown: false, items: [] }, reports), off)).toEqual([]);
    expect(violationsOf(answer({ degraded: true, userKnown: true, items: [] }, reports), off)).toEqual([
      'user known: true',
    ]);
  });

  it('holds channels to what the request and the condition leave them', () => {
    const off: Expected = { ...expected, off: ['U2U2I'] };
    expect(violationsOf(answer(), off)).toEqual(['U2U2I is off, and was run']);
    expect(violationsOf(answer({}, { U2U2I: ['DISABLED'] }), off)).toEqual([]);
    const gone: Expected = { ...expected, gone: ['U2I2I'] };
    expect(violationsOf(answer(), gone)).toEqual(['U2I2I answered from nothing']);
    expect(violationsOf(answer({ degraded: true }, { U2I2I: ['FAILED'] }), gone)).toEqual([]);
  });

  it('lets an answer be short where the request switches the fallback off', () => {
    expect(violationsOf(answer({ items: [item('a', 1)] }), { ...expected, off: ['POPULAR'] })).toEqual([]);
  });

  it('knows no stranger', () => {
    const stranger: Expected = { ...expected, isKnown: false, seen: new Set() };
    expect(violationsOf(answer({ userKnown: false }), stranger)).toEqual([]);
    expect(violationsOf(answer(), stranger)).toEqual(['user known: true']);
  });
});
