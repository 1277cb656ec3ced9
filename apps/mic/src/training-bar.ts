import { Presets, SingleBar } from 'cli-progress';
import type { EpochReport, TrainingProgress } from '@mic/training';

/** Training on stderr: a bar with loss, rate and time left on a terminal; a line an epoch elsewhere. */
export class TrainingBar {
  readonly #bar: SingleBar | null;
  #started = false;
  #validation = '';

  constructor() {
    const format = 'train {bar} {percentage} %  loss {loss}  {validation}{rate} steps/s  {eta_formatted} left';
    this.#bar = process.stderr.isTTY
      ? new SingleBar({ format, stream: process.stderr, hideCursor: true }, Presets.shades_classic)
      : null;
  }

  step({ step, steps, losses }: TrainingProgress): void {
    if (!this.#bar) return;
    if (!this.#started) {
      this.#bar.start(steps, 0, { loss: '', validation: '', rate: '' });
      this.#started = true;
    }
    const seconds = (performance.now() - this.#since) / 1000;
    const rate = (step / seconds).toFixed(0);
    this.#bar.update(step, { loss: showLosses(losses), validation: this.#validation, rate });
  }

  epoch({ epoch, epochs, losses, validation, seconds }: EpochReport): void {
    const rates = Object.entries(validation).map(([name, value]) => `${name} ${value.toFixed(3)}`);
    if (rates.length > 0) this.#validation = `${rates.join('  ')}  `;
    if (this.#bar) return;
    const held = rates.length > 0 ? `, validation ${rates.join(', ')}` : '';
    console.error(`train: epoch ${epoch} of ${epochs}, loss ${showLosses(losses)}${held}, ${seconds.toFixed(1)} s`);
  }

  stop(): void {
    this.#bar?.stop();
  }

  readonly #since = performance.now();
}

/** The loss, followed by its parts where there are several. */
function showLosses(losses: Readonly<Record<string, number>>): string {
  const parts = Object.entries(losses);
  const total = parts.reduce((sum, [, loss]) => sum + loss, 0).toFixed(3);
  if (parts.length === 1) return total;
  return `${total} (${parts.map(([name, loss]) => `${name} ${loss.toFixed(3)}`).join(', ')})`;
}
