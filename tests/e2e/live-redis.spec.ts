import { describe } from 'vitest';
import { liveSuite } from './live-suite';

describe('live users and items over Redis', () => {
  liveSuite('Redis');
});
