import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let gc: (() => void) | undefined;

/** Collects this process's garbage now, when nobody waits: else V8 does it in the midst of what comes next. */
export function collectGarbage(): void {
  if (gc === undefined) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
}

/**
 * Collects what an opening has left, and from now on whenever the heap is 30 % larger (at least 8 MB). V8 takes that by itself
 * where little outlives the young; the first times after an opening it waits for up to four times the heap. Node makes every
 * header that it reads a string outside of the heap, which only a full collection frees, one by one: 100 ms at once, or ten
 * times 10 ms, which is less than a caller's grace and what a deadline keeps back together (ADR 027).
 */
export function collectOften(): void {
  setFlagsFromString('--heap-growing-percent=30');
  collectGarbage();
}
