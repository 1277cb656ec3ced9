import { Measures, type EvaluatedLists, type Interval, type RankingMetrics } from '@mic/evaluation';
import type { TrainedModel } from '@mic/training';
import { studyColdItems } from './cold-study';
import type { ListLengths } from './encoded-world';
import type { CutFigures, Evaluation } from './evaluation';
import { measureModel, type MeasuredModel } from './measure-model';
import { measureReferences } from './measure-references';
import { openTest, type TestOptions } from './open-test';

export interface EvaluateOptions extends TestOptions {
  /** Models that differ by their seed only; figures are their means. */
  readonly models: readonly TrainedModel[];
  /** Other models (such as ones without a loss) that they are compared with, case by case. */
  readonly against?: readonly TrainedModel[];
  readonly lengths: ListLengths;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Measures models on what a protocol holds out, beside popularity, item-kNN and EASE.
 *
 * @throws MicError FAILED_PRECONDITION when a model has seen what the protocol tests.
 */
export async function evaluateModels(options: EvaluateOptions): Promise<Evaluation> {
  const { models, against = [], dataset, lengths, at, onProgress = () => undefined } = options;
  const test = await openTest(options, [...models, ...against]);
  const { cases, split } = test;
  const total = cases.length * (1 + models.length + against.length);
  let before = 0;
  const onCase = (done: number): void => {
    onProgress(before + done, total);
  };
  const references = await measureReferences(test, models[0]!.signature.longestHistory, onCase);
  const measure = async (all: readonly TrainedModel[]): Promise<MeasuredModel[]> => {
    const measured: MeasuredModel[] = [];
    for (const model of all) {
      before += cases.length;
      measured.push(await measureModel(model, test, lengths, onCase));
    }
    return measured;
  };
  const measured = await measure(models);
  const base = await measure(against);

  const mean = Measures.mean(measured.map(({ lists }) => lists.measures));
  const others = references.lists.measures;
  const means = mean.means();
  const differences: Difference[] = [
    ...['u2i', 'u2u2i', 'u2i2i', 'predicted']
      .filter((list) => mean.lists.includes(list))
      .map((list) => difference('merged', list, mean, mean)),
    ...others.lists.flatMap((list) => ['merged', 'u2i'].map((mine) => difference(mine, list, mean, others))),
  ];
  if (base.length > 0) {
    const baseMean = Measures.mean(base.map(({ lists }) => lists.measures));
    const lists = baseMean.lists.filter((list) => mean.lists.includes(list));
    differences.push(...lists.map((list): Difference => [`${list} - base`, mean.difference(list, list, baseMean)]));
  }
  return {
    formatVersion: 1,
    dataset: dataset.info.name,
    encoder: models[0]!.info.encoder,
    protocol: options.protocol,
    mask: options.mask,
    histories: options.histories,
    cut: split.cutMs === null ? null : new Date(split.cutMs).toISOString(),
    users: new Set(cases.map(({ user }) => user)).size,
    cases: cases.length,
    at,
    metrics: {
      ...means,
      ...others.means(),
      predicted: means.predicted ?? null,
      ease: others.means().ease ?? null,
    },
    missing: { ...references.fitted.missing, ...(means.predicted ? {} : { predicted: NOT_PREDICTED }) },
    intervals: { ...mean.intervals(), ...others.intervals() },
    differences: Object.fromEntries(differences),
    models: measured.map(figuresOf),
    against: base.map(figuresOf),
    cuts: {
      ...cutFigures(
        measured.map(({ lists }) => lists),
        references.lists,
      ),
      maskedUsers: maskedFigures(measured),
    },
    channels: measured[0]!.study,
    coldItems: await studyColdItems(models[0]!, test),
    catalogue: { ...measured[0]!.catalogue, ...references.catalogue },
    references: references.fitted.settings,
  };
}

const NOT_PREDICTED = 'the catalogue is too large, or histories are live';

type Difference = [name: string, figures: Record<string, Interval>];

function difference(list: string, other: string, a: Measures, b: Measures): Difference {
  return [`${list} - ${other}`, a.difference(list, other, b)];
}

const figuresOf = ({ seed, lists }: MeasuredModel) => ({ seed, metrics: lists.measures.means() });

function maskedFigures(measured: readonly MeasuredModel[]): CutFigures {
  const mean = Measures.mean(measured.map(({ maskedUsers }) => maskedUsers));
  return { cases: mean.cases, metrics: mean.means() };
}

/** Means of each cut over the models, the references beside them. */
function cutFigures(models: readonly EvaluatedLists[], references: EvaluatedLists): Record<string, CutFigures> {
  return Object.fromEntries(
    Object.entries(references.cuts).map(([name, others]) => {
      const own: Record<string, RankingMetrics> = Measures.mean(models.map(({ cuts }) => cuts[name]!)).means();
      return [name, { cases: others.cases, metrics: { ...own, ...others.means() } }];
    }),
  );
}
