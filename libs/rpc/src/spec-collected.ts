import { constants, PerformanceObserver, type NodeGCPerformanceDetail, type PerformanceEntry } from 'node:perf_hooks';
import { collectGently } from './garbage';

// A program of garbage.spec.ts: makes old garbage until V8 has collected it COLLECTIONS times since collectGently.
const COLLECTIONS = 4;
const KEPT = 300_000;
const MADE_AT_MOST = 200_000_000;

/** What the types do not say of an entry. */
type Collection = PerformanceEntry & { readonly detail: NodeGCPerformanceDetail };

collectGently();
let collections = 0;
new PerformanceObserver((seen) => {
  for (const { detail } of seen.getEntries() as Collection[])
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections++;
}).observe({ entryTypes: ['gc'] });

const kept: object[] = [];
const makeSome = (made: number): void => {
  for (let i = 0; i < 5_000; i++) kept[(made + i) % KEPT] = { number: made + i };
  if (collections >= COLLECTIONS) return;
  if (made > MADE_AT_MOST) throw new Error(`V8 has collected ${String(collections)} times only`);
  setImmediate(makeSome, made + 5_000);
};
makeSome(0);
