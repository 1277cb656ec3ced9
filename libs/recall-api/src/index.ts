export { recallApi, type RecallApiOptions } from './recall-api';
