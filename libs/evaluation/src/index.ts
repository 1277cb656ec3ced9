export { evaluateLists, type ListsOf } from './evaluate-lists';
export { ITEM_KNN_LIMIT, itemKnnRecommender } from './item-knn';
export { itemPopularity, popularityRecommender } from './popularity';
export { HIT_RATE_CUTS, NDCG_CUTS, type RankingMetrics } from './ranking-metrics';
export { leaveOneOut, type HeldOut } from './split';
