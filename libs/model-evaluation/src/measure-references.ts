import { evaluateLists, maskedItemsOf, type EvaluatedLists } from '@mic/evaluation';
import { CatalogueStudies } from './catalogue-study';
import type { CatalogueFigures } from './evaluation';
import { fitReferences, type References } from './fit-references';
import type { OpenTest } from './open-test';

export interface MeasuredReferences {
  readonly fitted: References;
  readonly lists: EvaluatedLists;
  readonly catalogue: Readonly<Record<string, CatalogueFigures>>;
}

/** Fits the reference methods and measures their lists. @param window events that the models' user towers read. */
export async function measureReferences(
  test: OpenTest,
  window: number,
  onCase: (done: number) => void,
): Promise<MeasuredReferences> {
  const { histories, cases } = test.begin();
  const { recommenders, ...fitted } = await fitReferences({
    train: test.split.train,
    timed: test.dataset.info.order === 'timestamp',
    k: Math.max(...test.at),
    historyOf: histories.itemsOf,
    maskedItems: maskedItemsOf(histories.itemsOf, test.mask, window),
  });
  const catalogue = new CatalogueStudies(test.facts.popularity, test.at);
  const lists = await evaluateLists(
    cases,
    ({ user }) => {
      const made = Object.fromEntries(
        Object.entries(recommenders).map(([name, recommend]) => [name, recommend(user)] as const),
      );
      catalogue.add(made);
      return Promise.resolve(made);
    },
    { at: test.at, cuts: test.cuts, onCase },
  );
  return { fitted: { recommenders, ...fitted }, lists, catalogue: catalogue.figures() };
}
