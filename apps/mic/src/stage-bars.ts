import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import type { StageReport } from '@mic/release-build';

/** Stages on stderr, some of which run at the same time: a bar each on a terminal; a line when one has ended elsewhere. */
export class StageBars {
  readonly #bars: MultiBar | null;
  readonly #barOf = new Map<string, SingleBar>();

  constructor() {
    const format = '{stage} {bar} {percentage} %  {note}';
    this.#bars = process.stderr.isTTY
      ? new MultiBar(
          { format, stream: process.stderr, hideCursor: true, clearOnComplete: false },
          Presets.shades_classic,
        )
      : null;
  }

  show(report: StageReport): void {
    const { stage, done, total, seconds, earlier = false } = report;
    const note = seconds === undefined ? '' : `${seconds.toFixed(1)} s${earlier ? ', done before' : ''}`;
    if (!this.#bars) {
      if (seconds !== undefined) console.error(`build: ${stage} ${note}`);
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
