export { checkCount, checkNumber, checkText, checkTimeMs, checkWeight, within } from './checks';
export { fromInteractions, toInteractions } from './events';
export { fromWireHistory, fromWireSimilarUsers, toWireHistory, toWireSimilarUsers } from './history';
export { MAX_EVENTS_PER_CALL, MAX_ID_BYTES, MAX_TIME_MS } from './limits';
export { malformed, packed } from './packed';
export { toWireRelease } from './release';
export { fromWireLists, toWireLists } from './scored-lists';
