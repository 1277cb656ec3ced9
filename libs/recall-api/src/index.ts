export { recallApi, type RecallApiOptions } from './recall-api';
export { loadProfiles } from './load-profiles';
export { WatchedProfiles } from './watched-profiles';
