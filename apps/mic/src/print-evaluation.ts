import type { Evaluation } from '@mic/model-evaluation';
import { plainTable } from './plain-table';
import { printMetrics } from './print-quality';

/** An evaluation for people: the lists, what the merged list is above each, and what the channels add. */
export function printEvaluation(evaluation: Evaluation): string {
  const { encoder, dataset, protocol, mask, cases, users, metrics, models, channels } = evaluation;
  const cut = evaluation.cut === null ? '' : ` from ${evaluation.cut} on, histories ${evaluation.histories}`;
  const lists = Object.fromEntries(Object.entries(metrics).filter(([name]) => !name.includes(' ')));
  const { union, overlap } = channels;
  const share = (value: number): string => value.toFixed(4);
  return [
    `${encoder} on ${dataset}, ${protocol}${cut}, ${cases} cases of ${users} users, mask ${mask}, ` +
      `${models.length === 1 ? 'one model' : `mean of ${models.length} models`}`,
    printMetrics(lists),
    ...Object.entries(evaluation.missing).map(([list, why]) => `${list}: ${why}`),
    '',
    differenceTable(evaluation),
    '',
    `union of the channels: ${union.meanLength.toFixed(0)} items hit ${share(union.hitRate)}; a U2I list of that length ` +
      share(union.u2iOfSameLength),
    `overlap: ${Object.entries(overlap)
      .map(([pair, value]) => `${pair} ${value.toFixed(2)}`)
      .join(', ')}`,
    ...coldLines(evaluation),
  ].join('\n');
}

/** How new items fare, over the shift that keeps them from being everywhere. */
function coldLines({ coldItems }: Evaluation): string[] {
  if (!coldItems) return [];
  const { items, cases, demand, withAllUsers, firstUsers, withFirstUsers, fieldsAlone } = coldItems;
  const rows = Object.entries({
    'all other users': withAllUsers,
    [`first ${firstUsers} users`]: withFirstUsers,
    'fields alone': fieldsAlone,
  }).flatMap(([known, curve]) =>
    curve.map(({ shift, metrics, otherItems, exposure }) => [
      known,
      String(shift),
      metrics['HR@50']!.toFixed(4),
      metrics['HR@200']!.toFixed(4),
      (exposure / Math.max(demand, 1e-9)).toFixed(2),
      otherItems['HR@50']!.toFixed(4),
    ]),
  );
  const head = ['known', 'shift', 'HR@50', 'HR@200', 'exposure / demand', 'HR@50 of others'];
  return ['', `${items} items unseen in training, asked for in ${cases} cases:`, plainTable(head, rows)];
}

function differenceTable({ differences, at }: Evaluation): string {
  const columns = at.map((cut) => `HR@${cut}`);
  const rows = Object.entries(differences)
    .filter(([name]) => !name.includes('without') || name.endsWith('base'))
    .map(([name, figures]) => [
      name,
      ...columns.map((column) => {
        const { mean, low, high } = figures[column]!;
        return `${signed(mean)} (${signed(low)} .. ${signed(high)})`;
      }),
    ]);
  return plainTable(['difference (95 %)', ...columns], rows);
}

const signed = (value: number): string => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(4)}`;
