import { open, readFile, truncate } from 'node:fs/promises';
import { z } from 'zod';
import { releaseFileSchema, type ReleaseFile } from './manifest';

const lineSchema = z.union([
  z.strictObject({ file: releaseFileSchema }),
  z.strictObject({ stage: z.string(), found: z.unknown() }),
]);

/** What a journal tells of the work so far. */
export interface JournalContent {
  readonly files: readonly ReleaseFile[];
  /** What each finished stage found, by its name. */
  readonly stages: ReadonlyMap<string, unknown>;
}

/** The record of what is finished in a folder that a release is being written into: JSON lines, each synced to the disk. */
export class BuildJournal {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Opens a journal, new or not, and cuts off what a writer that was killed left half-written. */
  static async open(path: string): Promise<{ readonly journal: BuildJournal; readonly content: JournalContent }> {
    const text = await readFile(path, 'utf8').catch(() => '');
    const files: ReleaseFile[] = [];
    const stages = new Map<string, unknown>();
    let wholeBytes = 0;
    for (const line of text.split('\n').slice(0, -1)) {
      const parsed = lineSchema.safeParse(json(line));
      if (!parsed.success) break;
      if ('file' in parsed.data) files.push(parsed.data.file);
      else stages.set(parsed.data.stage, parsed.data.found);
      wholeBytes += Buffer.byteLength(line) + 1;
    }
    if (wholeBytes < Buffer.byteLength(text)) await truncate(path, wholeBytes);
    return { journal: new BuildJournal(path), content: { files, stages } };
  }

  addFile(file: ReleaseFile): Promise<void> {
    return this.#append({ file });
  }

  addStage(stage: string, found: unknown): Promise<void> {
    return this.#append({ stage, found: found ?? null });
  }

  async #append(line: z.input<typeof lineSchema>): Promise<void> {
    const file = await open(this.#path, 'a');
    try {
      await file.writeFile(`${JSON.stringify(line)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
