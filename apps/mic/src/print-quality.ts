import type { Manifest } from '@mic/release';
import { plainTable } from './plain-table';

/** Metrics that tables show. */
export const QUALITY_COLUMNS = ['HR@10', 'HR@50', 'HR@200', 'NDCG@10'];

const NOT_HELD_OUT = 'the model was not trained with --protocol leave-one-out or sampled-last on this dataset';

/** Quality of a release as a table, a list a row; a sentence where nothing was held out. */
export function printQuality({ quality, counts, training }: Manifest): string {
  const size = `${counts.users} users, ${counts.items} items, ${counts.events} events`;
  if (quality.protocol === 'none') {
    const why = training.source === 'external' ? 'nothing is held out that the towers have not seen' : NOT_HELD_OUT;
    return `${size}; no quality figures: ${why}`;
  }
  return `${size}; quality on the held-out last event of ${quality.users} users:\n${printMetrics(quality.metrics)}`;
}

/** Metrics as a table, a list a row. */
export function printMetrics(metrics: Readonly<Record<string, Readonly<Record<string, number>> | null>>): string {
  const rows = Object.entries(metrics).map(([list, values]) => [
    list,
    ...QUALITY_COLUMNS.map((column) => values?.[column]?.toFixed(4) ?? '-'),
  ]);
  return plainTable(['list', ...QUALITY_COLUMNS], rows);
}
