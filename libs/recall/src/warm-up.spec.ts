import { MicError } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { RecallEngine } from './engine';
import { tinyCatalog, tinyPorts, tinyProfiles } from './testing/tiny-world';
import { warmUp } from './warm-up';

describe('warmUp', () => {
  it('runs every port that a request needs', async () => {
    const ports = tinyPorts();
    const called: string[] = [];
    const engine = new RecallEngine({
      catalog: tinyCatalog(),
      profiles: () => tinyProfiles(),
      ports: {
        embedder: { embed: (...call) => (called.push('embed'), ports.embedder.embed(...call)) },
        index: { search: (...call) => (called.push('search'), ports.index.search(...call)) },
        store: {
          userContext: (...call) => (called.push('userContext'), ports.store.userContext(...call)),
          similarUsersItems: (...call) => (called.push('similarUsersItems'), ports.store.similarUsersItems(...call)),
          similarItems: (...call) => (called.push('similarItems'), ports.store.similarItems(...call)),
        },
      },
    });
    await warmUp(engine, tinyCatalog());
    expect([...new Set(called)].sort()).toEqual([
      'embed',
      'search',
      'similarItems',
      'similarUsersItems',
      'userContext',
    ]);
  });

  it('does not mind what fails', async () => {
    const recall = { recall: () => Promise.reject(new MicError('UNAVAILABLE', 'nobody is there')) };
    await expect(warmUp(recall, tinyCatalog())).resolves.toBeUndefined();
  });
});
