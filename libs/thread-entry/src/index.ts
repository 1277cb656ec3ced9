export { startThread, type ThreadOptions } from './start-thread';
export { threadEntry, type ThreadEntry } from './thread-entry';
