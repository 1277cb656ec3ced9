export { checkRelease } from './check-release';
export {
  appConfig,
  RELEASE_VARIABLES,
  SERVICE_VARIABLES,
  wholeNumber,
  type AppConfig,
  type Variables,
} from './environment';
export type { EventLoopDelay } from './event-loop-delay';
export { nothingPublished, openPublishedRelease } from './published-release';
export { noRelease, releaseApi } from './release-api';
export { runService, type Opened, type Service } from './run-service';
