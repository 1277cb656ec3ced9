import { collectGently } from './garbage';

// A program of garbage.spec.ts: makes old garbage until V8 has collected it a few times, gently.
collectGently();
const MADE = 5_000_000;
const KEPT = 300_000;
const kept: object[] = [];
const makeSome = (made: number): void => {
  for (let i = 0; i < 5_000; i++) kept[(made + i) % KEPT] = { number: made + i };
  if (made < MADE) setImmediate(makeSome, made + 5_000);
};
makeSome(0);
