export { OnnxSession, type OnnxValue } from './session';
