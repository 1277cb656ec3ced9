import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InFlightMap, InFlightSet } from './in-flight';

const key = fc.integer({ min: 0, max: 9 });
const steps = fc.array(fc.oneof(fc.record({ set: key, to: fc.integer() }), fc.record({ delete: key })));

describe('what is in flight', () => {
  it('is found, counted and told as by a Map', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const [inFlight, map] = [new InFlightMap<number, number>(), new Map<number, number>()];
        for (const step of taken) {
          if ('set' in step) {
            inFlight.set(step.set, step.to);
            map.set(step.set, step.to);
          } else expect(inFlight.delete(step.delete)).toBe(map.delete(step.delete));
          expect(inFlight.size).toBe(map.size);
          for (let i = 0; i < 10; i++) expect(inFlight.get(i)).toBe(map.get(i));
        }
        const told = new Map<number, number>();
        inFlight.forEach((value, at) => told.set(at, value));
        expect(told).toEqual(map);
      }),
    );
  });

  it('is told also where it goes meanwhile', () => {
    const map = new InFlightMap<number, number>().set(1, 1).set(2, 2).set(3, 3);
    const told: number[] = [];
    map.forEach((_, at) => {
      told.push(at);
      map.delete(at);
    });
    expect(told).toEqual([1, 2, 3]);
    expect(map.size).toBe(0);
  });

  it('counts once in a set', () => {
    const set = new InFlightSet<string>().add('a').add('b').add('a');
    expect([...set]).toEqual(['a', 'b']);
    expect(set.delete('a')).toBe(true);
    expect(set.delete('a')).toBe(false);
    expect(set.size).toBe(1);
  });
});
