export { matmulTopK } from './matmul-top-k';
export { openMultiply, type OpenMultiply } from './multiply';
