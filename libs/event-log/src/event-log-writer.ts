import { mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { MicError, type Interaction } from '@mic/domain';
import { encodeLine } from './event-line';
import { toLogError } from './log-error';
import { createFile, SegmentWriter, type CreateFile } from './segment-writer';
import { closedPath, closeSegment, listSegments, syncFolder } from './segments';

export interface EventLogWriterOptions {
  /** Made where it is missing. Several processes may write into one. */
  readonly folder: string;
  /** A segment is closed when it is that old, milliseconds; 10 minutes by default. */
  readonly rotateMs?: number;
  /** A segment is closed when it is that large; 64 MiB by default. */
  readonly rotateBytes?: number;
  /** Closed segments that nobody wrote for so long are removed, milliseconds; by default none is. */
  readonly keepMs?: number;
  /** Told when writing begins to fail, and (null) when it works again. */
  readonly onTrouble?: (trouble: MicError | null) => void;
  readonly nowMs?: () => number;
  readonly createFile?: CreateFile;
}

/** Events waiting to be written. */
interface Waiting {
  readonly lines: string;
  readonly resolve: () => void;
  readonly reject: (error: MicError) => void;
}

/** Times that events are written again because somebody closed the segment meanwhile. */
const MOST_TRIES = 20;

/** Appends events to a log, durably: one write and one fsync for all that wait (ADR 018). */
export class EventLogWriter {
  readonly #options: Required<Omit<EventLogWriterOptions, 'keepMs'>> & Pick<EventLogWriterOptions, 'keepMs'>;
  #waiting: Waiting[] = [];
  /** What touches files is done one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #segment: SegmentWriter | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #inTrouble = false;

  private constructor(options: EventLogWriterOptions) {
    this.#options = {
      rotateMs: 600_000,
      rotateBytes: 64 * 1024 * 1024,
      onTrouble: () => undefined,
      nowMs: Date.now,
      createFile,
      ...options,
    };
  }

  /**
   * Closes the segments that are open in the folder: what a killed process left is then complete for readers.
   * @throws MicError UNAVAILABLE or RESOURCE_EXHAUSTED when the folder cannot be written.
   */
  static async open(options: EventLogWriterOptions): Promise<EventLogWriter> {
    const { folder } = options;
    try {
      await mkdir(folder, { recursive: true });
      const probe = join(folder, `.probe-${randomUUID()}`);
      await (await open(probe, 'wx')).close();
      await unlink(probe);
      const left = (await listSegments(folder)).filter(({ isOpen }) => isOpen);
      for (const { name } of left) await closeSegment(folder, name);
      if (left.length > 0) await syncFolder(folder);
    } catch (error) {
      throw toLogError(error, folder);
    }
    const writer = new EventLogWriter(options);
    await writer.#removeOld();
    return writer;
  }

  /**
   * Resolves when the events are on the disk, in a segment that no reader has read without them.
   * @throws MicError RESOURCE_EXHAUSTED when the disk is full; UNAVAILABLE when the log cannot be written.
   */
  append(events: readonly Interaction[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(new MicError('UNAVAILABLE', 'the event log is closed'));
    if (events.length === 0) return Promise.resolve();
    const acceptedMs = this.#options.nowMs();
    const lines = events.map((event) => encodeLine({ ...event, acceptedMs })).join('');
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lines, resolve, reject });
      // The first that waits begins a write; the others go with it.
      if (this.#waiting.length === 1) void this.#inTurn(() => this.#commit());
    });
  }

  /** Writes what waits, and closes the segment. */
  close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    return this.#inTurn(() => this.#endSegment());
  }

  async #commit(): Promise<void> {
    const group = this.#waiting;
    this.#waiting = [];
    try {
      await this.#write(Buffer.from(group.map(({ lines }) => lines).join('')));
      if (this.#inTrouble) this.#options.onTrouble(null);
      this.#inTrouble = false;
      for (const { resolve } of group) resolve();
    } catch (error) {
      const told = toLogError(error, this.#options.folder);
      if (!this.#inTrouble) this.#options.onTrouble(told);
      this.#inTrouble = true;
      for (const { reject } of group) reject(told);
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      if (this.#segment && this.#isDue(this.#segment)) await this.#endSegment();
      const segment = (this.#segment ??= await this.#begin());
      try {
        await segment.append(bytes);
        if (await segment.isOwn()) return;
      } catch (error) {
        await this.#endSegment().catch(() => undefined);
        throw error;
      }
      await this.#endSegment();
    }
    throw new MicError(
      'UNAVAILABLE',
      `the segments in ${this.#options.folder} are closed faster than they are written`,
      {
        subject: 'event log',
        remedy: 'close segments less often, then repeat the call: it is idempotent',
      },
    );
  }

  async #begin(): Promise<SegmentWriter> {
    const { folder, nowMs, createFile: create, rotateMs } = this.#options;
    await mkdir(folder, { recursive: true });
    const segment = await SegmentWriter.begin(folder, nowMs(), create);
    // Nobody may come to write the event that would close it.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#inTurn(() => this.#endSegment()), rotateMs);
    this.#timer.unref();
    return segment;
  }

  #isDue({ begunMs, bytes }: SegmentWriter): boolean {
    const { nowMs, rotateMs, rotateBytes } = this.#options;
    return bytes >= rotateBytes || nowMs() - begunMs >= rotateMs;
  }

  async #endSegment(): Promise<void> {
    const segment = this.#segment;
    this.#segment = null;
    if (!segment) return;
    await segment.end();
    await this.#removeOld();
  }

  async #removeOld(): Promise<void> {
    const { folder, keepMs, nowMs } = this.#options;
    if (keepMs === undefined) return;
    const old = (await listSegments(folder)).filter(({ isOpen, writtenMs }) => !isOpen && writtenMs < nowMs() - keepMs);
    for (const { name } of old) await unlink(closedPath(folder, name)).catch(() => undefined);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return this.#turn;
  }
}
