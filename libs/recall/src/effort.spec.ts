import { describe, expect, it } from 'vitest';
import { Effort } from './effort';
import type { SearchRequest } from './ports';
import { recallTiny } from './testing/recall-tiny';
import { tinyPorts } from './testing/tiny-world';

describe('Effort', () => {
  it('asks for all where there is time, and notes nothing', () => {
    const effort = Effort.within(20, 20, 0.25);
    expect([effort.of('ef', 200), effort.of('triggers', 1)]).toEqual([200, 1]);
    expect(effort.shrunk).toEqual([]);
  });

  it('asks for less in proportion, not below what is needed, and notes it', () => {
    const effort = Effort.within(10, 20, 0.25);
    expect([effort.of('ef', 200), effort.of('k', 200, 150), effort.of('triggers', 1), effort.of('users', 5)]).toEqual([
      100, 150, 1, 3,
    ]);
    expect(effort.shrunk).toEqual(['ef 200 -> 100', 'k 200 -> 150', 'users 5 -> 3']);
  });

  it('asks for the least share, and at least one, however little time there is', () => {
    const effort = Effort.within(0.1, 20, 0.25);
    expect([effort.of('ef', 200), effort.of('triggers', 2)]).toEqual([50, 1]);
  });
});

describe('a request with little time', () => {
  it('asks for less, and the answer says so', async () => {
    const asked: SearchRequest[] = [];
    const { index } = tinyPorts();
    const search: typeof index.search = (request, options) => {
      asked.push(request);
      return index.search(request, options);
    };
    const setup = { ports: { index: { search } }, indexEf: 100, profile: { fullEffortMs: 600_000 }, deadlineMs: 2_000 };
    const result = await recallTiny({}, setup);
    expect(asked[0]!.ef).toBe(25);
    expect(result.channels.map(({ outcome, shrunk }) => [outcome, ...shrunk])).toEqual([
      ['OK', 'ef 100 -> 25'],
      ['OK', 'similar users 20 -> 5'],
      ['OK', 'triggers 10 -> 3'],
      ['DISABLED'],
    ]);
    const patient = await recallTiny({}, { ...setup, profile: {} });
    expect(patient.channels.flatMap(({ shrunk }) => shrunk)).toEqual([]);
    expect(asked[1]!.ef).toBe(100);
  });
});
