import { MicError } from '@mic/domain';
import type { Dataset } from '@mic/dataset';
import {
  endsBefore,
  eventsToCome,
  GrowingHistories,
  itemPopularity,
  liveCases,
  sampleCases,
  type CaseCut,
  type Mask,
  type TestCase,
  type TestProtocol,
} from '@mic/evaluation';
import { loadEncodedFields, loadSplit, type EncodedFields, type LoadedSplit, type TrainedModel } from '@mic/training';
import type { RecallProfile } from '@mic/recall';
import { longTailOf } from './catalogue-study';
import type { HistoryMode } from './evaluation';
import type { ItemFacts } from './offline-ports';

/** What is asked of models, and how. */
export interface TestOptions {
  readonly dataset: Dataset;
  readonly protocol: TestProtocol;
  readonly mask: Mask;
  /** `live` with the protocol `time` only. */
  readonly histories: HistoryMode;
  /** Lengths at which lists are measured. */
  readonly at: readonly number[];
  /** Rerank settings of the merged list; those of serving by default. */
  readonly rerank?: RecallProfile['rerank'];
  /** Cases at most; a larger test is sampled, the same for every model. By default what a few minutes allow. */
  readonly mostCases?: number;
}

/** A test as all models take it. */
export interface OpenTest extends TestOptions {
  readonly split: LoadedSplit;
  readonly facts: ItemFacts;
  /** The fields of all users and items as a model's own schema encodes them. */
  readonly fieldsOf: (model: TrainedModel) => Promise<EncodedFields>;
  readonly cases: readonly TestCase[];
  /** Subsets of what the cases ask for. */
  readonly cuts: Readonly<Record<string, CaseCut>>;
  /** Begins the test from its start: what is known then, and the cases in their order. */
  readonly begin: () => TestRun;
}

/** One run through the cases; what is known grows on the way where histories are live. */
export interface TestRun {
  readonly histories: GrowingHistories;
  readonly cases: Iterable<TestCase>;
}

/** Every case is compared with every item: cases x items by default at most, within bounds. */
const PAIRS = 1e9;
const CASES = { fewest: 2_000, most: 30_000 };

/** Cases are sampled alike for every model. */
const SAMPLE_SEED = 1;

/**
 * Divides the dataset as the models' training did.
 *
 * @throws MicError FAILED_PRECONDITION when a model has seen what the protocol tests.
 */
export async function openTest(options: TestOptions, models: readonly TrainedModel[]): Promise<OpenTest> {
  const { dataset, protocol } = options;
  const [{ info, schema }] = models as [TrainedModel];
  if (options.histories === 'live' && protocol !== 'time') {
    throw new MicError('INVALID_ARGUMENT', `histories cannot grow under the protocol ${protocol}`, {
      subject: 'histories',
      remedy: 'use --histories live with --protocol time',
    });
  }
  for (const model of models) checkProtocol(model, protocol);
  const split = await loadSplit(dataset, { protocol, cutMs: info.cutMs, ...info.config.data });
  for (const model of models) checkSeen(model, split);
  const affordable = Math.floor(PAIRS / split.itemIds.length);
  const mostCases = options.mostCases ?? Math.min(CASES.most, Math.max(CASES.fewest, affordable));
  const { names, categories } = await dataset.loadItemCategories(schema, split.itemIds);
  const popularity = itemPopularity(split.train);
  const open = {
    ...options,
    split,
    facts: { itemIds: split.itemIds, categories, categoryNames: names, popularity },
    fieldsOf: (model: TrainedModel) => loadEncodedFields(dataset, model.schema, split.userIds, split.itemIds),
    cuts: caseCuts(split, popularity),
  };
  if (options.histories === 'live') return { ...open, ...liveTest(split, mostCases) };
  const cases = sampleCases(split.cases, mostCases, SAMPLE_SEED);
  return { ...open, cases, begin: () => ({ histories: new GrowingHistories(split.known), cases }) };
}

function checkProtocol({ info }: TrainedModel, protocol: TestProtocol): void {
  if (info.protocol === protocol) return;
  throw new MicError(
    'FAILED_PRECONDITION',
    `the model was trained with --protocol ${info.protocol}: it has seen what ${protocol} tests`,
    { subject: 'protocol', remedy: `train one with \`mic train --protocol ${protocol}\`` },
  );
}

function checkSeen({ info }: TrainedModel, { seenSha256 }: LoadedSplit): void {
  if (info.seenSha256 === seenSha256) return;
  throw new MicError(
    'FAILED_PRECONDITION',
    'the model was not trained on what this test leaves of the dataset: it may have seen what is tested',
    { subject: 'model', remedy: 'evaluate it on the dataset that it was trained on, or train one on this dataset' },
  );
}

/** Every event from the cut on, or a sample of them, each asked for just before it happens. */
function liveTest({ histories: table, cutMs }: LoadedSplit, mostCases: number): Pick<OpenTest, 'cases' | 'begin'> {
  const start = endsBefore(table, cutMs!);
  const { events, users } = eventsToCome(new GrowingHistories(table, start));
  const all = Array.from(events, (event) => ({
    event,
    user: users.get(event)!,
    relevant: table.itemRows.slice(event, event + 1),
  }));
  const cases = sampleCases(all, mostCases, SAMPLE_SEED) as typeof all;
  const wanted = new Set(cases.map(({ event }) => event));
  return {
    cases,
    begin: () => {
      const histories = new GrowingHistories(table, start);
      return { histories, cases: liveCases(histories, wanted) };
    },
  };
}

/** Users with fewer events have a short history. */
const SHORT_HISTORY = 5;

function caseCuts({ known }: LoadedSplit, popularity: Float32Array): Record<string, CaseCut> {
  const isTail = longTailOf(popularity);
  const lengthOf = (user: number): number => known.offsets[user + 1]! - known.offsets[user]!;
  const none = new Uint32Array(0);
  return {
    unseenItems: ({ relevant }) => relevant.filter((item) => popularity[item] === 0),
    longTail: ({ relevant }) => relevant.filter((item) => isTail[item] === 1 && popularity[item]! > 0),
    newUsers: ({ user, relevant }) => (lengthOf(user) === 0 ? relevant : none),
    shortHistories: ({ user, relevant }) => (lengthOf(user) > 0 && lengthOf(user) < SHORT_HISTORY ? relevant : none),
  };
}
