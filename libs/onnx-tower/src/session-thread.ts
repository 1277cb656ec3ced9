import type { Worker } from 'node:worker_threads';
import { MicError } from '@mic/domain';
import { startThread } from '@mic/thread-entry';
import type { ModelSession, OnnxInterface, OnnxValue } from './session';
import type { Interfaces, SessionMessage, SessionRequest, SessionSetup } from './session-protocol';

interface Waiting {
  readonly resolve: (results: Record<string, OnnxValue>) => void;
  readonly reject: (error: MicError) => void;
}

/**
 * One ONNX model in a thread of its own: neither opening it nor a run holds up the event loop. A run costs 30 to 80
 * microseconds of CPU more than in this thread, which the micro-batches of a busy service share.
 */
export class SessionThread implements ModelSession {
  readonly #worker: Worker;
  readonly #name: string;
  readonly #waiting = new Map<number, Waiting>();
  #inputs: Interfaces = {};
  #outputs: Interfaces = {};
  #nextId = 0;
  #gone: MicError | null = null;
  readonly #ended: Promise<void>;

  private constructor(worker: Worker, name: string) {
    this.#worker = worker;
    this.#name = name;
    let cause: unknown;
    worker.on('error', (error) => (cause = error));
    worker.on('message', (message: SessionMessage) => {
      this.#receive(message);
    });
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        const why = cause instanceof Error ? `: ${cause.message}` : '';
        this.#end(
          new MicError('UNAVAILABLE', `the thread of ${name} has ended${why}`, {
            remedy: 'restart the process',
            cause,
          }),
        );
        resolve();
      });
    });
  }

  /** @param model changes hands. @throws MicError FAILED_PRECONDITION when ONNX Runtime does not accept the model. */
  static async open(model: Uint8Array, name: string): Promise<SessionThread> {
    // A part of a larger memory cannot change hands alone.
    const own = ownsMemory(model) ? model : Uint8Array.from(model);
    const workerData: SessionSetup = { model: own, name };
    const options = { name, workerData, transferList: [own.buffer], priority: 'gentle' } as const;
    const worker = startThread('session-worker', import.meta.url, options);
    const thread = new SessionThread(worker, name);
    const first = new Promise<SessionMessage>((resolve) => worker.once('message', resolve));
    const said = await Promise.race([first, thread.#ended]);
    if (said?.type === 'ready') {
      thread.#inputs = said.inputs;
      thread.#outputs = said.outputs;
      return thread;
    }
    if (said?.type !== 'refused') throw thread.#gone!;
    await worker.terminate();
    throw new MicError('FAILED_PRECONDITION', said.message, { remedy: said.remedy });
  }

  get inputNames(): readonly string[] {
    return Object.keys(this.#inputs);
  }

  get outputNames(): readonly string[] {
    return Object.keys(this.#outputs);
  }

  inputInterface(name: string): OnnxInterface | null {
    return this.#inputs[name] ?? null;
  }

  outputInterface(name: string): OnnxInterface | null {
    return this.#outputs[name] ?? null;
  }

  /** @throws MicError as ModelSession says; UNAVAILABLE when the thread has ended. */
  run(feeds: Readonly<Record<string, OnnxValue>>, fetch?: readonly string[]): Promise<Record<string, OnnxValue>> {
    return new Promise((resolve, reject) => {
      if (this.#gone) {
        reject(this.#gone);
        return;
      }
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      const transfer = Object.values(feeds).map(({ data }) => data.buffer as ArrayBuffer);
      this.#worker.postMessage({ id, feeds, fetch } satisfies SessionRequest, transfer);
    });
  }

  async close(): Promise<void> {
    if (!this.#gone) {
      this.#end(new MicError('INTERNAL', `${this.#name} is closed`));
      this.#worker.postMessage('close' satisfies SessionRequest);
    }
    await this.#ended;
  }

  #receive(message: SessionMessage): void {
    if (message.type !== 'results' && message.type !== 'error') return;
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.type === 'results') waiting?.resolve(message.results);
    else waiting?.reject(new MicError('INTERNAL', message.message));
  }

  /** Nothing is answered any more. */
  #end(why: MicError): void {
    this.#gone ??= why;
    for (const { reject } of this.#waiting.values()) reject(this.#gone);
    this.#waiting.clear();
  }
}

function ownsMemory(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;
}
