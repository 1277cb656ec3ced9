import type { CandidateSource, RecallResponse } from '@mic/contracts';
import { colours } from './colours';
import { plainTable } from './plain-table';

/** Title of an item, '' where it has none. */
export type TitleOf = (itemId: string) => string;

/** `CHANNEL_U2I` -> `U2I`: enum names for people go without their prefix. */
export function shortName(enumName: string): string {
  return enumName.replace(/^(CHANNEL|OUTCOME|BASIC_SCORE|DROP_REASON)_/, '');
}

/**
 * A response for people: a table of items with score, category and channels, then what became of each channel. Items that
 * have a title are shown by it.
 */
export function printRecall(response: RecallResponse, titleOf: TitleOf = () => ''): string {
  const rows = response.items.map(({ itemId, score, category, sources }, index) => {
    const found = sources.map((source) => sourceText(source, titleOf)).join(', ');
    return [String(index + 1), titleOf(itemId) || itemId, score.toFixed(3), category, found];
  });
  const channels = response.channels.map(({ channel, outcome, candidates, elapsedMs, message, shrunk }) => {
    const name = shortName(outcome);
    const state = name === 'OK' ? colours.green(name) : colours.yellow(name);
    const notes = [message, ...shrunk].filter((note) => note !== '');
    const why = notes.length > 0 ? ` (${notes.join('; ')})` : '';
    return `${shortName(channel)} ${state}, ${candidates} candidates, ${elapsedMs.toFixed(1)} ms${why}`;
  });
  const explained = response.items.flatMap(({ itemId, sources }, index) =>
    sources.flatMap(({ channel, because }) =>
      because === '' ? [] : [`${index + 1} ${titleOf(itemId) || itemId}, ${shortName(channel)}: ${because}`],
    ),
  );
  const dropped = response.dropped.map(({ itemId, reason, channels: by, score }) => {
    const why = shortName(reason).toLowerCase();
    return [titleOf(itemId) || itemId, why, by.map(shortName).join(', '), score === undefined ? '' : score.toFixed(3)];
  });
  const known = response.userKnown ? '' : ' (unknown to the release)';
  const degraded = response.degraded ? `, ${colours.red('degraded')}` : '';
  return [
    `user ${colours.bold(response.userId)}${known}, release ${response.releaseId}, profile ${response.profile}${degraded}`,
    plainTable(['#', 'item', 'score', 'category', 'found by'], rows),
    ...explained,
    ...(dropped.length > 0 ? [plainTable(['left out', 'why', 'found by', 'score'], dropped)] : []),
    channels.join('\n'),
  ].join('\n');
}

function sourceText({ channel, trigger }: CandidateSource, titleOf: TitleOf): string {
  const name = shortName(channel);
  if (trigger === '') return name;
  // U2U2I is triggered by users, whose ids may be those of items.
  const title = name === 'U2I2I' ? titleOf(trigger) : '';
  return `${name} ${colours.dim(`via ${title || trigger}`)}`;
}
