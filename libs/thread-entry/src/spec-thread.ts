import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

/** "19 idle" and the like, of this thread: fields 19 and 41 of its stat, whose second one, in parentheses, may hold anything. */
function priority(): string {
  const stat = readFileSync('/proc/thread-self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return `${fields[16]} ${fields[38] === '5' ? 'idle' : 'other'}`;
}

parentPort!.on('message', () => {
  parentPort!.postMessage({ later: priority() });
});
parentPort!.postMessage({ starting: priority(), given: workerData as unknown });
