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
 * Runs in the thread before anything else is loaded; as text, for no compiler may touch it. The lowest there is on Linux is
 * the policy "idle", which Node cannot set and util-linux's chrt can: a thread of it makes way at once for whatever wakes up,
 * where one of nice 19 first runs its slice of milliseconds to the end. Whether a lowered thread can be raised again shows
 * only when it is tried: by a single step of the nice value, which harms nobody.
 */
const BOOTSTRAP = `
const { execFileSync } = require('node:child_process');
const { setPriority } = require('node:os');
const { readlinkSync } = require('node:fs');
const attempt = (change) => {
  try {
    change();
    return true;
  } catch {
    return false;
  }
};
let thread;
const nice = (value) => attempt(() => {
  thread ??= readlinkSync('/proc/thread-self').split('/').pop();
  setPriority(Number(thread), value);
});
const policy = (name) => attempt(() => execFileSync('chrt', [name, '--pid', '0', thread], { stdio: 'ignore' }));
const isLowered = PRIORITY === 'background' ? nice(19) : PRIORITY === 'gentle' && nice(1) && nice(0) && nice(19);
const isIdle = isLowered && policy('--idle');
PRELOAD.reduce((before, href) => before.then(() => import(href)), Promise.resolve()).then(() => import(HREF)).then(() => {
  if (!isLowered || PRIORITY !== 'gentle') return;
  if (isIdle) policy('--other');
  nice(0);
});`;
