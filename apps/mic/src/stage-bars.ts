import { MultiBar, Presets, type SingleBar } from 'cli-progress';

/** A step that begins, is under way, or has ended. */
interface Step {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly seconds?: number;
  readonly earlier?: boolean;
}

/** Stages on stderr, some of which run at the same time: a bar each on a terminal; a line when one has ended elsewhere. */
export class StageBars {
  readonly #bars: MultiBar | null;
  readonly #barOf = new Map<string, SingleBar>();
  readonly #what: string;

  /** @param what the work that has these stages, e.g. `build`. */
  constructor(what: string) {
    this.#what = what;
    const format = '{stage} {bar} {percentage} %  {note}';
    this.#bars = process.stderr.isTTY
      ? new MultiBar(
          { format, stream: process.stderr, hideCursor: true, clearOnComplete: false },
          Presets.shades_classic,
        )
      : null;
  }

  show(report: Step): void {
    const { stage, done, total, seconds, earlier = false } = report;
    const note = seconds === undefined ? '' : `${seconds.toFixed(1)} s${earlier ? ', done before' : ''}`;
    if (!this.#bars) {
      if (seconds !== undefined) console.error(`${this.#what}: ${stage} ${note}`);
      return;
    }
    const label = { stage: stage.padEnd(13), note };
    let bar = this.#barOf.get(stage);
    if (!bar) {
      bar = this.#bars.create(1, 0, label);
      this.#barOf.set(stage, bar);
    }
    if (total > 0) bar.setTotal(total);
    bar.update(done, label);
  }

  stop(): void {
    this.#bars?.stop();
  }
}
