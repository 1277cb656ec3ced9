export {
  appConfig,
  RELEASE_VARIABLES,
  SERVICE_VARIABLES,
  wholeNumber,
  type AppConfig,
  type Variables,
} from './environment';
export { recordEventLoopDelay, type EventLoopDelay } from './event-loop-delay';
export type { Host, Opened, ReleaseState } from './host';
export { noRelease, OpenReleases, type OpenedRelease, type ReleaseOpener } from './open-releases';
export { openedRelease, openPublishedParts } from './published-release';
export { releaseApi } from './release-api';
export { nothingPublished } from './release-watch';
export { runService, type Service } from './run-service';
export { tellLate } from './tell-late';
export { serveReleases, storeRecords, type StoreRecords } from './serve-releases';
