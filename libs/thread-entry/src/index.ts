export { runInBackground } from './background';
export { threadEntry, type ThreadEntry } from './thread-entry';
