import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MicError } from '@mic/domain';
import { decodeDecision, type Decision } from './decision';

/** A line of a log: a decision, or why it is none. */
export type LoggedLine =
  { readonly at: string; readonly decision: Decision } | { readonly at: string; readonly problem: MicError };

/**
 * The decisions of a file or of all files of a folder, in the order of the names and lines.
 * @throws MicError NOT_FOUND when there is none.
 */
export async function* readDecisions(path: string): AsyncGenerator<LoggedLine> {
  for (const file of await filesOf(path)) {
    let line = 0;
    for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      const at = `${file}:${++line}`;
      if (text.trim() === '') continue;
      try {
        yield { at, decision: decodeDecision(text) };
      } catch (error) {
        if (!(error instanceof MicError)) throw error;
        yield { at, problem: error };
      }
    }
  }
}

async function filesOf(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => null);
  const names = found?.isDirectory() ? (await readdir(path)).filter((name) => name.endsWith('.jsonl')).sort() : [];
  const files = found?.isFile() ? [path] : names.map((name) => join(path, name));
  if (files.length > 0) return files;
  throw new MicError('NOT_FOUND', `there is no decision log at ${path}`, {
    subject: path,
    remedy: 'give a file, or the folder that MIC_DECISION_LOG names (mic up --decision-log, mic serve --decision-log)',
  });
}
