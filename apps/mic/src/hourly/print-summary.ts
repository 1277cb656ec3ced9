import { colours } from '../colours';
import { plainTable } from '../plain-table';
import type { HourlySummary } from './hourly-state';

/** Exit status by what became of a run: what a cron job is judged by. */
export const HOURLY_STATUS: Readonly<Record<HourlySummary['outcome'], number>> = {
  published: 0,
  'nothing-new': 0,
  failed: 1,
  'gate-failed': 3,
  busy: 4,
};

/** A summary for people: what was new, the steps, and in the last line how it ended. */
export function printSummary(summary: HourlySummary): string {
  const { runId, resumed, newData, steps, seconds } = summary;
  const lines: string[] = [];
  if (newData) {
    const { events, users, items, duplicates, expired, badRows, missingSegments } = newData;
    lines.push(
      `${events} new events, ${users} new users, ${items} new items; ${duplicates} events were there already, ` +
        `${expired} are older than the window, ${badRows} rows could not be read`,
    );
    if (missingSegments > 0) lines.push(colours.red(`${missingSegments} segments of the event log were gone`));
  }
  if (steps.length > 0)
    lines.push(
      plainTable(
        ['step', 'seconds'],
        steps.map((s) => [s.name, s.seconds.toFixed(1)]),
      ),
    );
  const run = runId === null ? '' : ` (run ${runId}${resumed ? ', gone on with' : ''}, ${seconds.toFixed(1)} s)`;
  lines.push(`${verdict(summary)}${run}`);
  return lines.join('\n');
}

function verdict({ outcome, releaseId, gateFailed, error }: HourlySummary): string {
  switch (outcome) {
    case 'published':
      return colours.green(`release ${releaseId} is published`);
    case 'nothing-new':
      return 'nothing new';
    case 'gate-failed':
      return colours.red(`release ${releaseId} did not pass its gate (${gateFailed.join(', ')}) and is not published`);
    case 'failed':
    case 'busy':
      return colours.red(`${outcome}: ${error?.message}${error?.remedy ? `\n     ${error.remedy}` : ''}`);
  }
}
