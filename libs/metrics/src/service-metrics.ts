import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** From a small release to one of many gigabytes, seconds. */
const OPEN_SECONDS = [0.1, 0.3, 1, 3, 10, 30, 100, 300];

/** What a service process counts, in Prometheus' terms; every series has the label `service`. */
export class ServiceMetrics {
  readonly registry = new Registry();
  readonly #open: Gauge;
  readonly #behind: Gauge;
  readonly #current: Gauge<'release'>;
  readonly #swaps: Counter<'outcome'>;
  readonly #openSeconds: Histogram;
  readonly #breakers: Gauge<'callee' | 'rpc'>;
  readonly #spared: Gauge<'part' | 'budgets_from_ms'>;

  constructor(service: string) {
    const registers = [this.registry];
    this.registry.setDefaultLabels({ service });
    collectDefaultMetrics({ register: this.registry });
    this.#open = new Gauge({ name: 'mic_releases_open', help: 'Releases that calls can be answered from', registers });
    this.#behind = new Gauge({
      name: 'mic_release_behind',
      help: '1 while the current release is not the published one, else 0',
      registers,
    });
    this.#current = new Gauge({
      name: 'mic_release_current',
      help: '1 for the release that is current in this process',
      labelNames: ['release'],
      registers,
    });
    this.#swaps = new Counter({
      name: 'mic_release_swaps_total',
      help: 'Releases that became the current one (done), and tries to open one that failed (failed)',
      labelNames: ['outcome'],
      registers,
    });
    this.#openSeconds = new Histogram({
      name: 'mic_release_open_seconds',
      help: 'Time from the first byte read of a release until it can be answered from',
      buckets: OPEN_SECONDS,
      registers,
    });
    this.#breakers = new Gauge({
      name: 'mic_breaker_open',
      help: '1 while calls of an RPC of another service are spared because it failed again and again, else 0',
      labelNames: ['callee', 'rpc'],
      registers,
    });
    this.#spared = new Gauge({
      name: 'mic_part_spared',
      help: '1 while a part of the recall path is not waited for at budgets of a size because it was late again and again, else 0',
      labelNames: ['part', 'budgets_from_ms'],
      registers,
    });
  }

  /** Which releases are open now. */
  showReleases(open: number, current: string | null, behind: boolean): void {
    this.#open.set(open);
    this.#behind.set(Number(behind));
    this.#current.reset();
    if (current !== null) this.#current.set({ release: current }, 1);
  }

  countSwap(outcome: 'done' | 'failed'): void {
    this.#swaps.inc({ outcome });
  }

  observeOpened(seconds: number): void {
    this.#openSeconds.observe(seconds);
  }

  /** @param callee the service whose RPC it is. */
  showBreaker(callee: string, rpc: string, isOpen: boolean): void {
    this.#breakers.set({ callee, rpc }, Number(isOpen));
  }

  /** @param fromMs budgets from this to twice as much, milliseconds. */
  showSpared(part: string, fromMs: number, isSpared: boolean): void {
    this.#spared.set({ part, budgets_from_ms: String(fromMs) }, Number(isSpared));
  }
}
