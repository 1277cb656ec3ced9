import { hostname } from 'node:os';
import { hashIds, MicError } from '@mic/domain';
import type { RankedRecall, RecallRequest } from '@mic/recall';
import { createStream, type RotatingFileStream } from 'rotating-file-stream';
import { mkdir } from 'node:fs/promises';
import { encodeDecision } from './decision';

export interface DecisionLogOptions {
  /** Made where it is missing. Several processes may write into one. */
  readonly folder: string;
  /** Share of the requests that are logged, 0 to 1: each by its id, so that all replicas agree. */
  readonly share: number;
  /** Told when writing fails. */
  readonly onTrouble: (error: MicError) => void;
}

/** A file is closed, and another begun, when it is that large. */
const FILE_SIZE = '64M';
/** Closed files of one process that are kept. */
const FILES_KEPT = 8;
/** Beyond it, what would be written is left out: an answer never waits for the log. */
const MOST_WAITING_BYTES = 16 * 1024 * 1024;

/** Writes a sample of all answers with what their ranking was made of, one line of JSON each (ADR 023). */
export class DecisionLog {
  readonly #options: DecisionLogOptions;
  readonly #stream: RotatingFileStream;
  #leftOut = 0;

  private constructor(options: DecisionLogOptions, stream: RotatingFileStream) {
    this.#options = options;
    this.#stream = stream;
    const tell = (error: Error): void => {
      options.onTrouble(trouble(options.folder, error));
    };
    stream.on('error', tell);
    stream.on('warning', tell);
  }

  /** @throws MicError UNAVAILABLE when the folder cannot be made. */
  static async open(options: DecisionLogOptions): Promise<DecisionLog> {
    const { folder } = options;
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw trouble(folder, error as Error);
    });
    const name = `decisions-${hostname()}-${process.pid}-${Date.now()}`;
    const nameOf = (_time: unknown, index?: number): string => (index ? `${name}.${index}.jsonl` : `${name}.jsonl`);
    const stream = createStream(nameOf, { path: folder, size: FILE_SIZE, maxFiles: FILES_KEPT });
    return new DecisionLog(options, stream);
  }

  /** Lines that were left out because writing did not keep up. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Notes an answer, if it is of the sample; the line is made when the answer is on its way. */
  note(request: RecallRequest, ranked: RankedRecall, manifestSha256: string): void {
    if (!isSampled(request.requestId, this.#options.share)) return;
    if (this.#stream.writableLength > MOST_WAITING_BYTES) {
      this.#leftOut++;
      return;
    }
    const time = new Date();
    setImmediate(() => {
      if (this.#stream.writable) this.#stream.write(`${encodeDecision(request, ranked, manifestSha256, time)}\n`);
    });
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    // Lines are made in the next turn of the loop.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => this.#stream.end(resolve));
  }
}

/** Whether a request is of a sample: a hash of its id falls into the share. */
export function isSampled(requestId: string, share: number): boolean {
  const [low, high] = hashIds([requestId]);
  return (high! * 2 ** 32 + low!) / 2 ** 64 < share;
}

const trouble = (folder: string, cause: Error): MicError =>
  new MicError('UNAVAILABLE', `the decision log in ${folder} cannot be written: ${cause.message}`, {
    subject: folder,
    remedy: 'see whether the folder may be written and the disk has room; answers are given all the same',
    cause,
  });

/** Tells a log of trouble, each kind once. @param logger as pino has it. */
export function tellDecisionTrouble(logger: {
  warn(fields: object, message: string): void;
}): DecisionLogOptions['onTrouble'] {
  let told = '';
  return ({ code, message, remedy }) => {
    if (message === told) return;
    told = message;
    logger.warn({ code, error: message, remedy }, 'decisions are not logged');
  };
}
