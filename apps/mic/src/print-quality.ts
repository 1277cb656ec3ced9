import Table from 'cli-table3';
import type { Manifest } from '@mic/release';

const COLUMNS = ['HR@10', 'HR@50', 'HR@200', 'NDCG@10'];

/** Quality of a release as a table, a list a row; a sentence where nothing was held out. */
export function printQuality({ quality, counts }: Manifest): string {
  const size = `${counts.users} users, ${counts.items} items, ${counts.events} events`;
  if (quality.protocol === 'none') return `${size}; no quality figures: the model has seen every event`;
  const table = new Table({ head: ['list', ...COLUMNS] });
  for (const [list, metrics] of Object.entries(quality.metrics)) {
    table.push([list, ...COLUMNS.map((column) => metrics[column]?.toFixed(4) ?? '-')]);
  }
  return `${size}; quality on the held-out last event of ${quality.users} users:\n${table.toString()}`;
}
