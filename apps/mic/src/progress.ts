import { Presets, SingleBar } from 'cli-progress';

/** Tells how far a piece of work is: units done of a total. */
export type OnProgress = (done: number, total: number) => void;

/**
 * Runs a piece of work under a progress bar on stderr; without a terminal it says once when it is done.
 * @param unit what is counted, e.g. `events`: its rate is shown, too.
 */
export async function withProgress<T>(
  label: string,
  work: (onProgress: OnProgress) => Promise<T>,
  unit?: string,
): Promise<T> {
  const started = performance.now();
  const rate = (done: number): string =>
    unit === undefined ? '' : `${Math.round((done * 1000) / (performance.now() - started))} ${unit}/s`;
  if (!process.stderr.isTTY) {
    let done = 0;
    const result = await work((count) => (done = count));
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.error(`${label}: done in ${seconds} s${unit === undefined ? '' : `, ${rate(done)}`}`);
    return result;
  }
  const bar = new SingleBar(
    {
      format: `${label} {bar} {percentage} %  {value}/{total}  {rate}  {eta_formatted} left`,
      stream: process.stderr,
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  bar.start(1, 0, { rate: '' });
  try {
    const result = await work((done, total) => {
      bar.setTotal(total);
      bar.update(done, { rate: rate(done) });
    });
    bar.update(bar.getTotal());
    return result;
  } finally {
    bar.stop();
  }
}
