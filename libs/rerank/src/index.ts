export type { BasicScale, DiversityScale, RepetitionScale } from './normalise';
export { DEFAULT_RERANK, scoreCandidates, topCandidates } from './rerank';
export type { RerankCandidates, RerankOptions, RerankScores, RerankWeights } from './rerank';
