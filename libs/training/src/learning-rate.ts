import type { TrainingConfig } from './training-config';

/** Learning rate of a step (from 0): linear warm-up, then linear decay to `finalRate` of the highest at the last step. */
export function learningRateAt(
  step: number,
  steps: number,
  { learningRate, warmUpSteps, finalRate }: Pick<TrainingConfig, 'learningRate' | 'warmUpSteps' | 'finalRate'>,
): number {
  const warmUp = Math.min(warmUpSteps, Math.floor(steps / 4));
  if (step < warmUp) return (learningRate * (step + 1)) / warmUp;
  const progress = (step - warmUp) / Math.max(1, steps - 1 - warmUp);
  return learningRate * (1 - (1 - finalRate) * progress);
}
