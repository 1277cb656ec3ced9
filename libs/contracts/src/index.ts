export {
  AnnServiceClient,
  AnnServiceService,
  Index,
  SearchRequest,
  SearchResponse,
  type QueryRows,
  type QueryVectors,
} from './gen/mic/ann/v1/ann';
export {
  EmbedItemsRequest,
  EmbedItemsResponse,
  EmbedUsersRequest,
  EmbedUsersResponse,
  EmbedderServiceClient,
  EmbedderServiceService,
} from './gen/mic/embedder/v1/embedder';
export {
  AppendEventStreamRequest,
  AppendEventStreamResponse,
  AppendEventsRequest,
  AppendEventsResponse,
  Event,
  EventServiceClient,
  EventServiceService,
} from './gen/mic/event/v1/event';
export {
  GetSimilarItemsRequest,
  GetSimilarItemsResponse,
  GetSimilarUsersItemsRequest,
  GetSimilarUsersItemsResponse,
  GetUserContextRequest,
  GetUserContextResponse,
  NeighborServiceClient,
  NeighborServiceService,
} from './gen/mic/neighbor/v1/neighbor';
export {
  BasicScore,
  BatchRecallRequest,
  BatchRecallResponse,
  BatchRecallResult,
  CandidateSource,
  Channel,
  ChannelReport,
  InlineEvent,
  Outcome,
  RecallError,
  RecallRequest,
  RecallResponse,
  RecallServiceClient,
  RecallServiceService,
  RecalledItem,
  ScoreParts,
} from './gen/mic/recall/v1/recall';
export {
  GetReleaseRequest,
  GetReleaseResponse,
  ReleaseServiceClient,
  ReleaseServiceService,
  type OpenRelease,
} from './gen/mic/release/v1/release';
export { fileDescriptorSet } from './descriptor-set';
