export type {
  AppendResult,
  CallOptions,
  ExpiryReport,
  HistoryKeeper,
  HistoryWriter,
  ItemCatalog,
  ItemEmbedder,
  ItemFields,
  ItemIndex,
  ItemWriter,
  LiveItem,
  LiveItemChanges,
  LiveItemKeeper,
  LiveItemRecords,
  LiveItemsMark,
  LiveItemWriter,
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
  SearchByUsersRequest,
  SearchRequest,
  SimilarUsersItems,
  Store,
  StoreMemory,
  UserContext,
  UserEmbedder,
  UserIndex,
  UsersItems,
  UserTowerInput,
  UserVectors,
  WantedRelease,
} from './ports';
export type {
  CandidateSource,
  ChannelReport,
  DroppedCandidate,
  DropReason,
  RecallRequest,
  RecallResult,
  RecallService,
  RecalledItem,
  ScoreParts,
} from './recall-types';
export { RECALL_CHANNELS } from './channels/registry';
export type { ChannelCandidates } from './channel';
export { LateBreakers, type LateEvent } from './late-breaker';
export { RecallEngine, type RankedRecall, type RecallEngineOptions, type RecallPorts } from './engine';
export { NO_HISTORY } from './history';
export { Items, NO_LIVE_ITEMS, type LiveItems } from './items';
export type { ChannelOverride, RecallOverrides } from './overrides';
export { mergeCandidates, type ChannelList, type MergedCandidates } from './merge';
export { rankLists, type RankedCandidates } from './rank-lists';
export {
  DEFAULT_PROFILES,
  parseProfiles,
  defaultProfile,
  largestN,
  pickProfile,
  profileHash,
  profileSchema,
  type Profiles,
  type RecallProfile,
} from './profile';
export { warmUp } from './warm-up';
