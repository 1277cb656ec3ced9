/** RPCs that read: made twice they do what they do once, so they may be hedged. */
const READS = [
  'getUserContext',
  'getSimilarUsersItems',
  'getUsersItems',
  'getSimilarItems',
  'search',
  'embedUsers',
  'embedItems',
] as const;

/** The RPCs of the inner services that a ServiceCaller calls. */
export type Rpc = (typeof READS)[number] | 'appendEvents' | 'upsertItems' | 'removeItems';

/**
 * Whether INTERNAL says that the service is broken. Of embedItems it may say that the tower gives no vector for one of the
 * items, which says nothing of the others.
 */
export const isBrokenByInternal = (rpc: Rpc): boolean => rpc !== 'embedItems';

export function isRead(rpc: Rpc): boolean {
  return (READS as readonly Rpc[]).includes(rpc);
}
