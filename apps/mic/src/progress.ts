import { Presets, SingleBar } from 'cli-progress';

/** Tells how far a piece of work is: units done of a total. */
export type OnProgress = (done: number, total: number) => void;

/** Runs a piece of work under a progress bar on stderr; without a terminal it says once when it is done. */
export async function withProgress<T>(label: string, work: (onProgress: OnProgress) => Promise<T>): Promise<T> {
  const started = performance.now();
  if (!process.stderr.isTTY) {
    const result = await work(() => undefined);
    console.error(`${label}: done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return result;
  }
  const bar = new SingleBar(
    {
      format: `${label} {bar} {percentage} %  {value}/{total}  {eta_formatted} left`,
      stream: process.stderr,
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  bar.start(1, 0);
  try {
    const result = await work((done, total) => {
      bar.setTotal(total);
      bar.update(done);
    });
    bar.update(bar.getTotal());
    return result;
  } finally {
    bar.stop();
  }
}
