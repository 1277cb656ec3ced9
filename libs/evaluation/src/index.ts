export { easeRecommender, easeWeights } from './ease';
export type { Multiply } from './invert';
export { itemKnnRecommender, similarItems } from './item-knn';
export { evaluateLists, type ListsOf } from './evaluate-lists';
export { itemPopularity, popularityRecommender } from './popularity';
export { HIT_RATE_CUTS, NDCG_CUTS, type RankingMetrics } from './ranking-metrics';
export { maskedItemsOf, MASKS, type Mask, type MaskedItems } from './top-unseen';
export { leaveOneOut, type HeldOut } from './split';
