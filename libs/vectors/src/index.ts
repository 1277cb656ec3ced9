export { BoundedHeap } from './bounded-heap';
export { dot } from './dot';
export { exactTopK, type ExactTopKRequest } from './exact-top-k';
export { firstNonFinite } from './first-non-finite';
export { normaliseRows } from './normalise-rows';
