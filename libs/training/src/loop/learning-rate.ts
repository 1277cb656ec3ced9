import type { TrainingConfig } from '../config/training-config';

/** Learning rate of a step (from 0): linear warm-up, then linear or cosine decay to `finalRate` of the highest. */
export function learningRateAt(
  step: number,
  steps: number,
  { learningRate, warmUp, schedule, finalRate }: Omit<TrainingConfig['optimiser'], 'beta1' | 'beta2' | 'clip'>,
): number {
  const rising = Math.floor(steps * warmUp);
  if (step < rising) return (learningRate * (step + 1)) / rising;
  const progress = (step - rising) / Math.max(1, steps - 1 - rising);
  const left = schedule === 'linear' ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2;
  return learningRate * (finalRate + (1 - finalRate) * left);
}
