import { describe } from 'vitest';
import { liveSuite } from './live-suite';

describe('live users and items over LMDB', () => {
  liveSuite('LMDB');
});
