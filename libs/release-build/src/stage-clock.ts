import type { ReleaseWriter } from '@mic/release';

/** A stage that begins, is under way, or has ended. */
export interface StageReport {
  readonly stage: string;
  /** Of the stage's work; 0 of 0 where it does not count. */
  readonly done: number;
  readonly total: number;
  /** Seconds it took, once it has ended; those of the earlier run where it was finished before. */
  readonly seconds?: number;
  /** True when an earlier run has done it. */
  readonly earlier?: boolean;
}

interface Timed {
  readonly seconds: number;
  readonly found: unknown;
}

/** Runs the stages of a build through its journal, and keeps how long each took. */
export class StageClock {
  readonly #writer: ReleaseWriter;
  readonly #report: (report: StageReport) => void;
  readonly #seconds = new Map<string, number>();

  constructor(writer: ReleaseWriter, report: (report: StageReport) => void = () => undefined) {
    this.#writer = writer;
    this.#report = report;
  }

  /** Does a stage, or takes what an earlier run found. */
  async stage<T>(name: string, work: (onProgress: (done: number, total: number) => void) => Promise<T>): Promise<T> {
    const earlier = this.#writer.hasFinished(name);
    this.#report({ stage: name, done: 0, total: 0, earlier });
    const { seconds, found } = await this.#writer.stage<Timed>(name, async () => {
      const started = performance.now();
      const result = await work((done, total) => {
        this.#report({ stage: name, done, total });
      });
      return { seconds: (performance.now() - started) / 1000, found: result };
    });
    this.#seconds.set(name, seconds);
    this.#report({ stage: name, done: 1, total: 1, seconds, earlier });
    return found as T;
  }

  /** The stages that have ended, in the order in which they did. */
  stages(): { name: string; seconds: number }[] {
    return [...this.#seconds].map(([name, seconds]) => ({ name, seconds }));
  }
}
