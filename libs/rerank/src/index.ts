export { marginallyRelevant, windowedByCategory, type CategoryWindow, type MarginalRelevance } from './diversify';
export type { BasicScale, DiversityScale, RepetitionScale } from './normalise';
export { DEFAULT_RERANK, scoreCandidates } from './rerank';
export { topCandidates } from './top-candidates';
export type { RerankCandidates, RerankOptions, RerankScores, RerankWeights } from './rerank';
