import Table from 'cli-table3';
import pc from 'picocolors';
import type { RecallResponse } from '@mic/contracts';

/** `CHANNEL_U2I` -> `U2I`: enum names for people go without their prefix. */
export function shortName(enumName: string): string {
  return enumName.replace(/^(CHANNEL|OUTCOME|BASIC_SCORE)_/, '');
}

/** A response as tables: items with score, channels and category, then what became of each channel. */
export function printRecall(response: RecallResponse, titleOf: (itemId: string) => string = () => ''): string {
  const items = new Table({ head: ['#', 'item', 'score', 'category', 'found by'] });
  response.items.forEach((item, index) => {
    const title = titleOf(item.itemId);
    const sources = item.sources.map(({ channel, trigger }) =>
      trigger === '' ? shortName(channel) : `${shortName(channel)} ${pc.dim(`via ${titleOf(trigger) || trigger}`)}`,
    );
    items.push([
      index + 1,
      title ? `${title} (${item.itemId})` : item.itemId,
      item.score.toFixed(3),
      item.category,
      sources.join('\n'),
    ]);
  });
  const channels = response.channels.map(({ channel, outcome, candidates, elapsedMs, message }) => {
    const name = shortName(outcome);
    const state = name === 'OK' ? pc.green(name) : pc.yellow(name);
    return `${shortName(channel)} ${state}, ${candidates} candidates, ${elapsedMs.toFixed(1)} ms${message ? `, ${message}` : ''}`;
  });
  return [
    `user ${pc.bold(response.userId)}${response.userKnown ? '' : ' (unknown to the release)'}, ` +
      `release ${response.releaseId}, profile ${response.profile}${response.degraded ? `, ${pc.red('degraded')}` : ''}`,
    items.toString(),
    channels.join('\n'),
  ].join('\n');
}
