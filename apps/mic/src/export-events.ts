import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { convertEventLines } from '@mic/dataset';
import { MicError } from '@mic/domain';
import type { EventLog, LoggedEvent, Unreadable } from '@mic/event-log';

const FORMATS = ['parquet', 'jsonl', 'csv'] as const;
type Format = (typeof FORMATS)[number];

export interface ExportReport {
  readonly segments: number;
  readonly events: number;
  /** Events before or behind the time that was asked for. */
  readonly leftOut: number;
  /** Lines that are no event. */
  readonly unreadable: readonly Unreadable[];
}

/**
 * Writes the events of a log, those of open segments too, as one file; a file that is there is replaced when all is written.
 * @param out ends in .parquet, .jsonl or .csv.
 * @param range times of events, milliseconds: from (with it) and to (without it).
 * @throws MicError INVALID_ARGUMENT for another ending; FAILED_PRECONDITION when the log has no segment.
 */
export async function exportEvents(
  log: EventLog,
  out: string,
  { fromMs = -Infinity, toMs = Infinity }: { readonly fromMs?: number; readonly toMs?: number },
): Promise<ExportReport> {
  const format = formatOf(out);
  const segments = await log.segments();
  if (segments.length === 0) {
    throw new MicError('FAILED_PRECONDITION', 'the log has no events', {
      subject: 'log',
      remedy: 'give the folder that the services write to (MIC_EVENT_LOG, HOME/events), after an AppendEvents',
    });
  }
  const lines = `${out}.lines.part`;
  const part = `${out}.part`;
  const unreadable: Unreadable[] = [];
  let [events, leftOut] = [0, 0];
  try {
    const file = createWriteStream(lines);
    const written = finished(file);
    written.catch(() => undefined); // it is thrown below
    for (const segment of segments) {
      for await (const event of log.events(segment, (where) => unreadable.push(where))) {
        if (event.timeMs < fromMs || event.timeMs >= toMs) leftOut++;
        else {
          events++;
          if (!file.write(lineOf(event))) await Promise.race([once(file, 'drain'), written]);
        }
      }
    }
    file.end();
    await written;
    if (format === 'jsonl') await rename(lines, out);
    else {
      await convertEventLines(lines, part, format);
      await rename(part, out);
    }
  } finally {
    for (const file of [lines, part]) await rm(file, { force: true });
  }
  return { segments: segments.length, events, leftOut, unreadable };
}

const lineOf = ({ userId, itemId, timeMs, weight, acceptedMs }: LoggedEvent): string =>
  `${JSON.stringify({ user_id: userId, item_id: itemId, time_ms: timeMs, weight, accepted_ms: acceptedMs })}\n`;

function formatOf(out: string): Format {
  const format = FORMATS.find((name) => out.endsWith(`.${name}`));
  if (format) return format;
  throw new MicError('INVALID_ARGUMENT', `the ending of ${out} names no format`, {
    subject: '--out',
    remedy: `end it in ${FORMATS.map((name) => `.${name}`).join(', ')}`,
  });
}
