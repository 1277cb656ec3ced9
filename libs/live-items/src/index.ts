export { ItemWrites } from './item-writes';
export { LiveItemsFollower, type LiveItemsFollowerOptions } from './live-items-follower';
export { ReleaseItems, type ReleaseItemsOptions } from './release-items';
