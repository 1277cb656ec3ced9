export { MicCallError, type CallErrorCode } from './call-error';
export { GRACE_MS, MicClient, type Deadlines, type MicClientOptions } from './mic-client';
export type {
  CallOptions,
  ChannelOverride,
  Event,
  FieldValue,
  Fields,
  InlineEvent,
  Item,
  Overrides,
  RecallRequest,
  Time,
  WeightOverride,
} from './requests';
export type {
  AppendResult,
  BasicScoreName,
  CandidateSource,
  ChannelName,
  ChannelReport,
  DropReasonName,
  DroppedCandidate,
  ItemsChange,
  OutcomeName,
  RecallAnswer,
  RecallResponse,
  RecalledItem,
  ScoreParts,
} from './responses';
export { letCallsDieYoung } from '@mic/rpc';
