import { describe, expect, it } from 'vitest';
import { NeighborClient } from './neighbor-client';

describe('NeighborClient', () => {
  it('refuses items with fields beside hidden ones: no RPC stores both, all or none', async () => {
    const wire = NeighborClient.connect('127.0.0.1:1');
    const items = [
      { itemId: 'a', fields: {} },
      { itemId: 'b', fields: null },
    ];
    await expect(new NeighborClient(wire, '').writeLiveItems(items)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      subject: 'items',
      remedy: 'send two calls',
    });
    wire.close();
  });
});
