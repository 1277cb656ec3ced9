export { leaveOneOut, type HeldOut } from './split';
