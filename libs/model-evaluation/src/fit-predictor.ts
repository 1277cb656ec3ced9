import { holdOutForValidation, type TrainedModel } from '@mic/training';
import { encodeVectors, type VectorInputs } from './encoded-world';
import type { OpenTest } from './open-test';
import { MOST_ITEMS_TO_PREDICT, Predictor, type PredictedWorld } from './predicted';

/**
 * The prediction of a model in the world of a test. It is fitted in a world without the events that it is fitted on. Null for
 * catalogues that are too large, and for live histories: a prediction reads the vectors of the cut.
 */
export async function fitPredictor(
  model: TrainedModel,
  { split, histories: mode }: Pick<OpenTest, 'split' | 'histories'>,
  { world, fields, newItemShifts }: Pick<VectorInputs, 'fields' | 'newItemShifts'> & { readonly world: PredictedWorld },
): Promise<Predictor | null> {
  if (split.itemIds.length > MOST_ITEMS_TO_PREDICT || mode === 'live') return null;
  const { loop } = model.info.config;
  const held = holdOutForValidation(split.train, loop.validationShare, model.info.seed);
  const unseen = held.validationUsers.length > 0;
  // Of events that training has seen only the scale of the probabilities is learned.
  const known = unseen ? held : holdOutForValidation(split.train, 1, model.info.seed);
  const { histories, validationUsers: users, validationItems: items } = known;
  const before = { ...(await encodeVectors({ model, fields, histories, newItemShifts })), histories };
  return Predictor.fit(before, { users, items, unseen }).in(world, split.train);
}
