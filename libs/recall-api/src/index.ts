export { recallApi, type RecallApiOptions } from './recall-api';
export { loadProfiles } from './load-profiles';
