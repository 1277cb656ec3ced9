export { checkCount, checkFinite, checkNumber, checkText, checkTimeMs, checkWeight, within } from './checks';
export { fromInteractions, toInteractions } from './events';
export {
  fromWireHistory,
  fromWireSimilarUsers,
  fromWireUsersItems,
  toWireHistory,
  toWireSimilarUsers,
  toWireUsersItems,
} from './history';
export { fromItemFields, toItemFields } from './item-fields';
export { fromItems, toItemIds, toItems, type ItemWithFields } from './items';
export { MAX_EVENTS_PER_CALL, MAX_FIELDS, MAX_ID_BYTES, MAX_ITEMS_PER_CALL, MAX_TEXTS, MAX_TIME_MS } from './limits';
export { malformed, packed } from './packed';
export { toWireRelease } from './release';
export { fromWireLists, toWireLists } from './scored-lists';
