import { createReadStream } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { MicError } from '@mic/domain';
import { decodeLine, type LoggedEvent } from './event-line';
import { closedPath, closeSegment, listSegments, openPath, syncFolder, type Segment } from './segments';

/** Which segments somebody has taken; JSON. */
export interface EventLogBookmark {
  /** Names of segments that are still in the folder. */
  readonly taken: readonly string[];
}

/** What of a segment is no event: a line that a crash tore, of which nothing was answered, or damage. */
export interface Unreadable {
  readonly segment: string;
  /** From 1. */
  readonly line: number;
}

const LINE_END = 0x0a;

/** A log as its readers see it; its writers need not run, nor know of them. */
export class EventLog {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** All segments, by the time they began. None where there is no folder. */
  segments(): Promise<Segment[]> {
    return listSegments(this.#folder);
  }

  /** Closes all segments that are open: everything answered until now is in closed ones then. @returns how many it closed. */
  async closeOpen(): Promise<number> {
    const open = (await this.segments()).filter(({ isOpen }) => isOpen);
    let closed = 0;
    for (const { name } of open) if (await closeSegment(this.#folder, name)) closed++;
    if (closed > 0) await syncFolder(this.#folder);
    return closed;
  }

  /** The closed segments that are not in the bookmark, by the time they began. @param bookmark null: from the beginning. */
  async since(bookmark: EventLogBookmark | null): Promise<Segment[]> {
    const taken = new Set(bookmark?.taken);
    return (await this.segments()).filter(({ name, isOpen }) => !isOpen && !taken.has(name));
  }

  /** The bookmark of who has taken these segments, too. */
  async bookmark(
    bookmark: EventLogBookmark | null,
    taken: readonly Pick<Segment, 'name'>[],
  ): Promise<EventLogBookmark> {
    const names = new Set([...(bookmark?.taken ?? []), ...taken.map(({ name }) => name)]);
    const there = await this.segments();
    return { taken: there.map(({ name }) => name).filter((name) => names.has(name)) };
  }

  /**
   * The events of a segment, of an open one up to its last whole line.
   * @param onUnreadable told of each line that is no event.
   * @throws MicError NOT_FOUND when the segment is gone.
   */
  async *events(
    { name }: Pick<Segment, 'name'>,
    onUnreadable: (where: Unreadable) => void = () => undefined,
  ): AsyncGenerator<LoggedEvent> {
    let line = 0;
    let rest = Buffer.alloc(0);
    for await (const chunk of this.#read(name)) {
      const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      let from = 0;
      for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, from)) {
        line++;
        const event = decodeLine(bytes.toString('utf8', from, end));
        from = end + 1;
        if (event) yield event;
        else onUnreadable({ segment: name, line });
      }
      rest = bytes.subarray(from) as Buffer<ArrayBuffer>;
    }
    if (rest.length > 0) onUnreadable({ segment: name, line: line + 1 });
  }

  /** Removes closed segments that are not needed any more; what is gone already is no error. */
  async remove(segments: readonly Pick<Segment, 'name'>[]): Promise<void> {
    for (const { name } of segments) {
      await unlink(closedPath(this.#folder, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
  }

  /** It may be closed between the look at the folder and this, or while it is read. */
  async *#read(name: string): AsyncGenerator<Buffer> {
    for (const path of [openPath(this.#folder, name), closedPath(this.#folder, name)]) {
      try {
        for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) yield chunk as Buffer;
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    throw new MicError('NOT_FOUND', `the segment ${name} is gone`, {
      subject: name,
      remedy: 'look at the log again; segments go when they are removed, or older than MIC_EVENT_LOG_KEEP_DAYS',
    });
  }
}
