import pc from 'picocolors';
import type { RecallResponse } from '@mic/contracts';
import { plainTable } from './plain-table';

/** `CHANNEL_U2I` -> `U2I`: enum names for people go without their prefix. */
export function shortName(enumName: string): string {
  return enumName.replace(/^(CHANNEL|OUTCOME|BASIC_SCORE)_/, '');
}

/** A response for people: a table of items with score, category and channels, then what became of each channel. */
export function printRecall(response: RecallResponse): string {
  const rows = response.items.map(({ itemId, score, category, sources }, index) => {
    const found = sources.map(
      ({ channel, trigger }) => shortName(channel) + (trigger ? pc.dim(` via ${trigger}`) : ''),
    );
    return [String(index + 1), itemId, score.toFixed(3), category, found.join(', ')];
  });
  const channels = response.channels.map(({ channel, outcome, candidates, elapsedMs, message }) => {
    const name = shortName(outcome);
    const state = name === 'OK' ? pc.green(name) : pc.yellow(name);
    return `${shortName(channel)} ${state}, ${candidates} candidates, ${elapsedMs.toFixed(1)} ms${message ? ` (${message})` : ''}`;
  });
  const known = response.userKnown ? '' : ' (unknown to the release)';
  const degraded = response.degraded ? `, ${pc.red('degraded')}` : '';
  return [
    `user ${pc.bold(response.userId)}${known}, release ${response.releaseId}, profile ${response.profile}${degraded}`,
    plainTable(['#', 'item', 'score', 'category', 'found by'], rows),
    channels.join('\n'),
  ].join('\n');
}
