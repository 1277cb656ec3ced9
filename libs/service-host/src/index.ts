export {
  appConfig,
  RELEASE_VARIABLES,
  SERVICE_VARIABLES,
  wholeNumber,
  type AppConfig,
  type Variables,
} from './environment';
