import { Worker } from 'node:worker_threads';
import { MicError } from '@mic/domain';
import { threadEntry } from '@mic/thread-entry';
import { PartRunner, type DropoutPools, type ParameterView, type PartResult, type PreparedPart } from './part-runner';
import type { StepModel } from './step-graph';

/** What a training thread is started with; the float arrays are in shared memory. */
export interface WorkerSetup {
  readonly models: readonly StepModel[];
  readonly parameters: Readonly<Record<string, ParameterView>>;
  readonly pools: DropoutPools;
}

export type WorkerReply = { readonly result: PartResult } | { readonly failure: string };

/** Runs the parts of a step and gives their results in their order, wherever they ran. */
export interface PartExecutor {
  run(parts: readonly PreparedPart[]): Promise<PartResult[]>;
  close(): Promise<void>;
}

/** @param workers threads; 0: the calling thread. */
export function openExecutor(setup: WorkerSetup, workers: number): PartExecutor {
  return workers === 0 ? new LocalExecutor(setup) : new ThreadExecutor(setup, workers);
}

class LocalExecutor implements PartExecutor {
  readonly #runner: PartRunner;

  constructor({ models, parameters, pools }: WorkerSetup) {
    this.#runner = new PartRunner(models, parameters, pools);
  }

  async run(parts: readonly PreparedPart[]): Promise<PartResult[]> {
    const results: PartResult[] = [];
    for (const part of parts) results.push(await this.#runner.run(part));
    return results;
  }

  close(): Promise<void> {
    return this.#runner.close();
  }
}

class ThreadExecutor implements PartExecutor {
  readonly #threads: TrainingThread[];

  constructor(setup: WorkerSetup, workers: number) {
    this.#threads = Array.from({ length: workers }, () => new TrainingThread(setup));
  }

  async run(parts: readonly PreparedPart[]): Promise<PartResult[]> {
    const results = new Array<PartResult>(parts.length);
    await Promise.all(
      this.#threads.map(async (thread, t) => {
        for (let i = t; i < parts.length; i += this.#threads.length) results[i] = await thread.run(parts[i]!);
      }),
    );
    return results;
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}

/** A thread with sessions of its own; it works on one part at a time. */
class TrainingThread {
  readonly #worker: Worker;
  /** Why the thread is no more: a message to it would never be answered. */
  #death: MicError | null = null;
  #waiting: { resolve: (result: PartResult) => void; reject: (error: MicError) => void } | null = null;

  constructor(setup: WorkerSetup) {
    const { url, execArgv } = threadEntry('training-worker', import.meta.url);
    this.#worker = new Worker(url, { workerData: setup, execArgv: [...execArgv], name: 'training' });
    this.#worker.on('message', (reply: WorkerReply) => {
      const waiting = this.#waiting;
      this.#waiting = null;
      if ('result' in reply) waiting?.resolve(reply.result);
      else waiting?.reject(new MicError('INTERNAL', reply.failure));
    });
    const died = (error: unknown): void => {
      this.#death ??= new MicError('INTERNAL', 'a training thread ended', {
        remedy: 'train again; if it stays, on one thread (--set loop.workers=0)',
        cause: error,
      });
      this.#waiting?.reject(this.#death);
      this.#waiting = null;
    };
    this.#worker.on('error', died);
    this.#worker.on('exit', died);
  }

  run(part: PreparedPart): Promise<PartResult> {
    return new Promise((resolve, reject) => {
      if (this.#death) {
        reject(this.#death);
        return;
      }
      this.#waiting = { resolve, reject };
      this.#worker.postMessage(part);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
