export type {
  AppendResult,
  CallOptions,
  ExpiryReport,
  HistoryKeeper,
  HistoryWriter,
  ItemCatalog,
  ItemIndex,
  NeighborReader,
  PackedHistories,
  PackedHistory,
  PublishedUser,
  PublishLease,
  ReleasePointer,
  ReleasePublisher,
  ReleaseRecords,
  ReleaseShape,
  ReleaseSummary,
  SearchRequest,
  SimilarUsersItems,
  Store,
  StoreMemory,
  UserContext,
  UserEmbedder,
  UserTowerInput,
  UserVectors,
  WantedRelease,
} from './ports';
export type {
  CandidateSource,
  ChannelReport,
  RecallRequest,
  RecallResult,
  RecallService,
  RecalledItem,
  ScoreParts,
} from './recall-types';
export { RECALL_CHANNELS } from './channels/registry';
export type { ChannelCandidates } from './channel';
export { RecallEngine, type RankedRecall, type RecallEngineOptions, type RecallPorts } from './engine';
export { NO_HISTORY } from './history';
export { mergeCandidates, type ChannelList, type MergedCandidates } from './merge';
export { rankLists, type RankedCandidates } from './rank-lists';
export {
  DEFAULT_PROFILES,
  parseProfiles,
  defaultProfile,
  largestN,
  pickProfile,
  profileSchema,
  type Profiles,
  type RecallProfile,
} from './profile';
export { warmUp } from './warm-up';
