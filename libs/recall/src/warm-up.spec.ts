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
      schema: { userFields: [] },
      profiles: () => tinyProfiles(),
      onRanked: () => called.push('noted'),
      ports: {
        userIndex: {
          searchUsers: (...call) => (called.push('searchUsers'), ports.userIndex.searchUsers(...call)),
          searchByUsers: (...call) => ports.userIndex.searchByUsers(...call),
        },
        embedder: { embed: (...call) => (called.push('embed'), ports.embedder.embed(...call)) },
        index: { search: (...call) => (called.push('search'), ports.index.search(...call)) },
        store: {
          userContext: (...call) => (called.push('userContext'), ports.store.userContext(...call)),
          similarUsersItems: (...call) => ports.store.similarUsersItems(...call),
          usersItems: (...call) => (called.push('usersItems'), ports.store.usersItems(...call)),
          similarItems: (...call) => (called.push('similarItems'), ports.store.similarItems(...call)),
        },
      },
    });
    await warmUp(engine, tinyCatalog());
    expect([...new Set(called)].sort()).toEqual([
      'embed',
      'search',
      'searchUsers',
      'similarItems',
      'userContext',
      'usersItems',
    ]);
  });

  it('does not mind what fails', async () => {
    const recall = { recall: () => Promise.reject(new MicError('UNAVAILABLE', 'nobody is there')) };
    await expect(warmUp(recall, tinyCatalog())).resolves.toBeUndefined();
  });
});
