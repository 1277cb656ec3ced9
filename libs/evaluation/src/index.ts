export { easeRecommender, easeWeights } from './ease';
export { evaluateLists, type CaseCut, type EvaluatedLists, type ListsOf } from './evaluate-lists';
export { eventsToCome, GrowingHistories, liveCases } from './growing-histories';
export type { Multiply } from './invert';
export { itemKnnRecommender, NEIGHBOURS, similarItems, type SimilarItems } from './item-knn';
export { Measures, type Interval } from './measures';
export { itemPopularity, popularityRecommender, recentPopularity } from './popularity';
export { CUTS, rankingMetrics, type RankingMetrics } from './ranking-metrics';
export {
  casesOf,
  endsBefore,
  isLastEventProtocol,
  LAST_EVENT_PROTOCOLS,
  leaveOneOut,
  sampleCases,
  splitBy,
  TEST_PROTOCOLS,
  withEnds,
  withoutItems,
  type HeldOut,
  type LastEventProtocol,
  type Split,
  type TestProtocol,
} from './split';
export type { HistoryOf, TestCase } from './test-case';
export { bestUnmasked, maskedItemsOf, MASKS, type Mask, type MaskedItems, type Recommender } from './top-unseen';
