import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

/** The nice value of this thread, field 19 of its stat; its name, in parentheses, may hold anything. */
function nice(): number {
  const stat = readFileSync('/proc/thread-self/stat', 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
}

parentPort!.on('message', () => {
  parentPort!.postMessage({ later: nice() });
});
parentPort!.postMessage({ starting: nice(), given: workerData as unknown });
