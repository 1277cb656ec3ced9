/**
 * What the recall path needs of the world. Each port has one implementation in the same process and (over gRPC) one
 * that calls a service; a conformance suite holds them to the same behaviour. Every model-derived call names the
 * release it wants; whoever does not have that release throws MicError FAILED_PRECONDITION and never answers from
 * another one.
 */
export type { CallOptions, WantedRelease } from './call-options';
export type { ItemEmbedder, UserEmbedder, UserTowerInput, UserVectors } from './towers';
export type { ItemIndex, SearchByUsersRequest, SearchRequest, UserIndex } from './indexes';
export type { ItemCatalog } from './item-catalog';
export type {
  AppendResult,
  ExpiryReport,
  HistoryKeeper,
  HistoryWriter,
  PackedHistories,
  PackedHistory,
} from './histories';
export type { NeighborReader, SimilarUsersItems, UserContext, UsersItems } from './neighbors';
export type {
  ItemFields,
  ItemWriter,
  LiveItem,
  LiveItemChanges,
  LiveItemKeeper,
  LiveItemRecords,
  LiveItemsMark,
  LiveItemWriter,
} from './live-items';
export type {
  PublishedUser,
  PublishLease,
  ReleasePointer,
  ReleasePublisher,
  ReleaseRecords,
  ReleaseShape,
  ReleaseSummary,
  StoreMemory,
} from './releases';
export type { Store } from './store';
