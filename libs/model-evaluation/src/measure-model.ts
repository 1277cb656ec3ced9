import {
  evaluateLists,
  maskedItemsOf,
  Measures,
  rankingMetrics,
  type EvaluatedLists,
  type GrowingHistories,
  type TestCase,
} from '@mic/evaluation';
import type { RankedRecall } from '@mic/recall';
import { UserEncoder, type EncodedFields, type TrainedModel } from '@mic/training';
import { CatalogueStudies } from './catalogue-study';
import { ChannelStudy, listsWithout } from './channel-study';
import { encodeWorld, type ListLengths } from './encoded-world';
import type { CatalogueFigures, ChannelFigures } from './evaluation';
import { fitPredictor } from './fit-predictor';
import type { EmbedUser } from './offline-ports';
import { listsOf, OfflineRecall } from './offline-recall';
import type { OpenTest } from './open-test';
import { rankAmongAll, topItems } from './score-items';

/** U2I list of a user whose id and profile nobody knows. */
const MASKED_USER = 'u2i of masked user';

/** Cases whose channels are studied, and that are asked again with the user masked. */
const STUDIED = 2_000;
/** Cases that are asked for at the same time where histories do not grow between them. */
const CONCURRENCY = 16;

export interface MeasuredModel {
  readonly seed: number;
  readonly lists: EvaluatedLists;
  /** Of the cases studied: U2I as it is, and with the user masked. */
  readonly maskedUsers: Measures;
  readonly study: Pick<ChannelFigures, 'overlap' | 'union'>;
  readonly catalogue: Readonly<Record<string, CatalogueFigures>>;
}

/**
 * Measures the lists of a model: each channel, the merged list, the merged list without each channel, and U2I with the
 * user's id masked.
 */
export async function measureModel(
  model: TrainedModel,
  test: OpenTest,
  lengths: ListLengths,
  onCase: (done: number) => void,
): Promise<MeasuredModel> {
  const { split, facts, mask, at } = test;
  const fields = await test.fieldsOf(model);
  const { histories, cases } = test.begin();
  const window = model.signature.longestHistory;
  const world = await encodeWorld({
    model,
    fields,
    histories: split.known,
    itemHistories: split.train,
    lengths,
    only: askedRows(test),
  });
  const length = Math.max(...at);
  const live = test.histories === 'live' ? await openEncoder(model, fields, histories) : null;
  const unknown = await openEncoder(model, fields, histories, null);
  const embed = live?.embed;
  const recall = await OfflineRecall.open({
    world,
    histories,
    facts,
    length,
    mask,
    window,
    embed,
    rerank: test.rerank,
  });
  const study = new ChannelStudy();
  const catalogue = new CatalogueStudies(facts.popularity, at);
  const maskedItems = maskedItemsOf(histories.itemsOf, mask, window);
  const predictor = await fitPredictor(model, test, { world, fields, newItemShifts: lengths.newItemShifts });
  const maskedUsers = new Measures(at);
  let asked = 0;
  const studyCase = async ({ user, relevant }: TestCase, ranked: RankedRecall, u2i: Uint32Array): Promise<void> => {
    const masked = maskedItems(user);
    study.add(ranked, relevant, rankAmongAll(world, ranked.userVectors, masked));
    const stranger = { count: world.vectorsPerUser, vectors: await unknown.embed(user) };
    maskedUsers.add({
      u2i: rankingMetrics(u2i, relevant, at),
      [MASKED_USER]: rankingMetrics(topItems(world, stranger, masked, length), relevant, at),
    });
  };
  try {
    const lists = await evaluateLists(
      cases,
      async (testCase) => {
        const isStudied = asked++ < STUDIED;
        const ranked = await recall.rank(testCase.user);
        const { user } = testCase;
        const made = listsOf(ranked);
        if (predictor) made.predicted = predictor.list(user, histories.itemsOf(user), maskedItems(user), length);
        catalogue.add(made);
        if (isStudied) await studyCase(testCase, ranked, made.u2i!);
        return { ...made, ...listsWithout(recall, ranked) };
      },
      { at, cuts: test.cuts, onCase, concurrency: test.histories === 'live' ? 1 : CONCURRENCY },
    );
    const seed = model.info.seed;
    return { seed, lists, maskedUsers, study: study.figures(), catalogue: catalogue.figures() };
  } finally {
    await recall.close();
    await live?.close();
    await unknown.close();
  }
}

/** Most recent items of a user that a list of similar items is read for: more than a profile's triggers. */
const MOST_TRIGGERS = 20;

/** The users and items whose neighbour lists the cases need. */
function askedRows({ begin }: OpenTest): { users: Uint32Array; items: Uint32Array } {
  const users = new Set<number>();
  const items = new Set<number>();
  const { histories, cases } = begin();
  for (const { user } of cases) {
    users.add(user);
    for (const item of histories.itemsOf(user).slice(-MOST_TRIGGERS)) items.add(item);
  }
  return { users: Uint32Array.from(users).sort(), items: Uint32Array.from(items).sort() };
}

/** @param userRows id rows; null: every id is masked, and every profile with it. */
async function openEncoder(
  model: TrainedModel,
  fields: EncodedFields,
  histories: GrowingHistories,
  userRows: Float32Array | null = model.userRows,
): Promise<{ embed: EmbedUser; close: () => Promise<void> }> {
  const profiles = userRows === null ? new Int32Array(fields.profiles.length) : fields.profiles;
  const encoder = await UserEncoder.open(model.userTower, { signature: model.signature, userRows, profiles });
  return {
    embed: (user) => encoder.encode(Uint32Array.of(user), histories.itemsOf),
    close: () => encoder.close(),
  };
}
