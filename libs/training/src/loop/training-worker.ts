import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerReply, WorkerSetup } from './part-executor';
import { PartRunner, type PreparedPart } from './part-runner';

const { models, parameters, pools } = workerData as WorkerSetup;
const runner = new PartRunner(models, parameters, pools);

parentPort!.on('message', (part: PreparedPart) => {
  runner.run(part).then(
    (result) => {
      parentPort!.postMessage({ result } satisfies WorkerReply);
    },
    (error: unknown) => {
      parentPort!.postMessage({
        failure: error instanceof Error ? error.message : String(error),
      } satisfies WorkerReply);
    },
  );
});
