import { Worker, type TransferListItem } from 'node:worker_threads';
import { threadEntry } from './thread-entry';

export interface ThreadOptions {
  /** Shown in tools that list threads. */
  readonly name: string;
  readonly workerData: unknown;
  readonly transferList?: readonly TransferListItem[];
  /**
   * background: the lowest priority until it ends, for work that nobody waits for. gentle: the lowest while it starts, where
   * the process may raise it again (root, CAP_SYS_NICE), so that what is served meanwhile feels little of it.
   */
  readonly priority: 'background' | 'gentle' | 'normal';
}

/**
 * Starts a program in a thread. Priorities are those of Linux, which has one for each thread; elsewhere threads run like others.
 *
 * @param program see threadEntry.
 */
export function startThread(program: string, moduleUrl: string, options: ThreadOptions): Worker {
  const { name, workerData, transferList = [], priority } = options;
  const { url, preload } = threadEntry(program, moduleUrl);
  const values = [url.href, preload, priority].map((value) => JSON.stringify(value));
  const constants = `const [HREF, PRELOAD, PRIORITY] = [${values.join()}];`;
  return new Worker(constants + BOOTSTRAP, {
    eval: true,
    workerData,
    transferList: [...transferList],
    name,
  });
}

/**
 * Runs in the thread before anything else is loaded; as text, for no compiler may touch it. Whether a lowered priority can be
 * raised again shows only when it is tried: by a single step, which harms nobody.
 */
const BOOTSTRAP = `
const { setPriority } = require('node:os');
const { readlinkSync } = require('node:fs');
let thread;
const set = (nice) => {
  try {
    thread ??= Number(readlinkSync('/proc/thread-self').split('/').pop());
    setPriority(thread, nice);
    return true;
  } catch {
    return false;
  }
};
const lowered = PRIORITY === 'background' ? set(19) : PRIORITY === 'gentle' && set(1) && set(0) && set(19);
PRELOAD.reduce((before, href) => before.then(() => import(href)), Promise.resolve()).then(() => import(HREF)).then(() => {
  if (lowered && PRIORITY === 'gentle') set(0);
});`;
