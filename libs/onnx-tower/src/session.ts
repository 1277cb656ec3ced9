import { InferenceSession, Tensor } from 'onnxruntime-node';
import { MicError } from '@mic/domain';

/** Row-major values with their shape. */
export interface OnnxValue {
  readonly data: Float32Array | BigInt64Array | Uint8Array;
  readonly dims: readonly number[];
}

/** Element type and shape of an input or output as the model declares it; a string is a symbolic axis. */
export interface OnnxInterface {
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

export interface OnnxSessionOptions {
  /** Shown in errors. */
  readonly name: string;
  /** Threads inside an operator; 1 by default: more cost twice the CPU for small models, and ScatterND add races. */
  readonly intraOpThreads?: number;
  /** True where what fails is told by who runs the model: ONNX Runtime writes nothing to stderr. */
  readonly quiet?: boolean;
}

/** A loaded ONNX model, in this thread or in one of its own. */
export interface ModelSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** What the model declares for one of its inputs, or null when it has no such input. */
  inputInterface(name: string): OnnxInterface | null;
  /** What the model declares for one of its outputs, or null when it has no such output. */
  outputInterface(name: string): OnnxInterface | null;
  /**
   * Runs the model once and gives the outputs named in `fetch`, or all of them.
   *
   * @param feeds may not be used again: their memory may change hands.
   * @throws MicError INTERNAL with ONNX Runtime's message: an input is missing, does not fit, or the session is closed.
   */
  run(feeds: Readonly<Record<string, OnnxValue>>, fetch?: readonly string[]): Promise<Record<string, OnnxValue>>;
  /** Gives the native memory back; closing again does nothing. */
  close(): Promise<void>;
}

/** One ONNX model in this thread: opening it and `run` block the event loop for as long as the model is read and computes. */
export class OnnxSession implements ModelSession {
  readonly #session: InferenceSession;
  readonly #name: string;
  #closed: Promise<void> | null = null;

  private constructor(session: InferenceSession, name: string) {
    this.#session = session;
    this.#name = name;
  }

  /** @throws MicError FAILED_PRECONDITION when ONNX Runtime does not accept the model. */
  static async open(
    model: Uint8Array,
    { name, intraOpThreads = 1, quiet = false }: OnnxSessionOptions,
  ): Promise<OnnxSession> {
    try {
      const session = await InferenceSession.create(model, {
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        interOpNumThreads: 1,
        intraOpNumThreads: intraOpThreads,
        logSeverityLevel: quiet ? 4 : 3,
      });
      return new OnnxSession(session, name);
    } catch (error) {
      throw new MicError('FAILED_PRECONDITION', `ONNX Runtime does not accept ${name}: ${messageOf(error)}`, {
        remedy: 'check that the file is an ONNX model in one file, of operator set 26 and IR version 13 or lower',
        cause: error,
      });
    }
  }

  get inputNames(): readonly string[] {
    return this.#session.inputNames;
  }

  get outputNames(): readonly string[] {
    return this.#session.outputNames;
  }

  inputInterface(name: string): OnnxInterface | null {
    return interfaceOf(this.#session.inputMetadata, name);
  }

  outputInterface(name: string): OnnxInterface | null {
    return interfaceOf(this.#session.outputMetadata, name);
  }

  async run(
    feeds: Readonly<Record<string, OnnxValue>>,
    fetch: readonly string[] = this.outputNames,
  ): Promise<Record<string, OnnxValue>> {
    try {
      const tensors: Record<string, Tensor> = {};
      for (const [name, { data, dims }] of Object.entries(feeds)) tensors[name] = toTensor(data, dims);
      const results = await this.#session.run(tensors, [...fetch]);
      return Object.fromEntries(
        fetch.map((name) => [name, { data: results[name]!.data as OnnxValue['data'], dims: results[name]!.dims }]),
      );
    } catch (error) {
      throw new MicError('INTERNAL', `${this.#name} failed: ${messageOf(error)}`, { cause: error });
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#session.release());
  }
}

function interfaceOf(metadata: readonly InferenceSession.ValueMetadata[], name: string): OnnxInterface | null {
  const value = metadata.find((entry) => entry.name === name);
  return value?.isTensor ? { dtype: value.type, shape: value.shape } : null;
}

function toTensor(data: OnnxValue['data'], dims: readonly number[]): Tensor {
  if (data instanceof Float32Array) return new Tensor('float32', data, dims);
  if (data instanceof BigInt64Array) return new Tensor('int64', data, dims);
  return new Tensor('bool', data, dims);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
