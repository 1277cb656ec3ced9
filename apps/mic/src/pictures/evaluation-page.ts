import type { Evaluation } from '@mic/model-evaluation';
import { svgChart } from './svg-chart';

/** Lists of the page, in its order; others are in the JSON report. */
const LISTS = ['u2i', 'u2u2i', 'u2i2i', 'merged', 'predicted', 'popularity', 'itemknn', 'ease'];
const SIZE = { width: 860, height: 340 };

/** An evaluation as one HTML page that needs nothing else. */
export async function evaluationPage(evaluation: Evaluation): Promise<string> {
  const { encoder, dataset, protocol, cut, histories, cases, users, mask, models } = evaluation;
  const what = [
    `protocol ${protocol}${cut === null ? '' : ` from ${cut} on, histories ${histories}`}`,
    `${cases} cases of ${users} users`,
    `mask ${mask}`,
    `seeds ${models.map(({ seed }) => seed).join(', ')}`,
  ];
  const parts = [
    section('Lists', `${await hitRateChart(evaluation)}${metricsTable(evaluation)}`),
    section('Differences, case by case', differencesTable(evaluation)),
    section('Channels', channelTables(evaluation)),
    section('Catalogue', catalogueTable(evaluation)),
    section('Parts of the cases', cutsTable(evaluation)),
    evaluation.coldItems ? section('Items that training has not seen', await coldPart(evaluation)) : '',
    section('References', referencesTable(evaluation)),
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(`${encoder} on ${dataset}`)}</title>
<style>
  body { font: 15px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
  table { border-collapse: collapse; margin: .8rem 0; display: block; overflow-x: auto; }
  th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
  th:first-child, td:first-child { text-align: left; }
  svg { max-width: 100%; height: auto; }
  .best { font-weight: bold; }
</style>
<h1>${escape(encoder)} on ${escape(dataset)}</h1>
<p>${what.map(escape).join('; ')}.</p>
${parts.filter(Boolean).join('\n')}
</html>
`;
}

const presentLists = ({ metrics }: Evaluation): string[] => LISTS.filter((list) => metrics[list]);

function hitRateChart(evaluation: Evaluation): Promise<string> {
  const { at, metrics } = evaluation;
  const lists = presentLists(evaluation);
  return svgChart(
    {
      legend: { top: 4 },
      grid: { left: 48, right: 16, top: 48, bottom: 32 },
      xAxis: { type: 'category', data: at.map((cut) => `HR@${cut}`) },
      yAxis: { type: 'value', min: 0 },
      series: lists.map((name) => ({ name, type: 'bar', data: at.map((cut) => metrics[name]![`HR@${cut}`]!) })),
    },
    SIZE,
  );
}

function metricsTable(evaluation: Evaluation): string {
  const { at, metrics, intervals, missing } = evaluation;
  const columns = ['HR', 'NDCG', 'Recall', 'MRR'].flatMap((kind) => at.map((cut) => `${kind}@${cut}`));
  const lists = presentLists(evaluation);
  const best = Object.fromEntries(
    columns.map((column) => [column, Math.max(...lists.map((l) => metrics[l]![column]!))]),
  );
  const rows = lists.map((list) => [
    escape(list),
    ...columns.map((column) => {
      const { mean, high } = intervals[list]![column]!;
      const text = `${mean.toFixed(4)} <small>± ${(high - mean).toFixed(4)}</small>`;
      return mean === best[column] ? `<span class="best">${text}</span>` : text;
    }),
  ]);
  const why = Object.entries(missing).map(([list, reason]) => `<p>${escape(list)}: ${escape(reason)}.</p>`);
  return `${table(['list', ...columns], rows)}<p>± half of the 95 % interval over cases.</p>${why.join('')}`;
}

function differencesTable({ at, differences }: Evaluation): string {
  const columns = at.map((cut) => `HR@${cut}`);
  const rows = Object.entries(differences).map(([name, figures]) => [
    escape(name),
    ...columns.map((column) => {
      const { mean, low, high } = figures[column]!;
      return `${signed(mean)} <small>(${signed(low)} … ${signed(high)})</small>`;
    }),
  ]);
  return table(['difference (95 %)', ...columns], rows);
}

function channelTables({ channels, metrics, at }: Evaluation): string {
  const columns = at.map((cut) => `HR@${cut}`);
  const { overlap, union } = channels;
  const without = Object.keys(metrics).filter((name) => name.startsWith('merged'));
  const overlaps = Object.entries(overlap).map(([pair, value]) => [escape(pair), value.toFixed(3)]);
  return `${table(['candidates that two channels share (Jaccard)', ''], overlaps)}
${table(
  ['list', ...columns],
  without.map((name) => [escape(name), ...columns.map((column) => metrics[name]?.[column]?.toFixed(4) ?? '-')]),
)}
<p>All candidates together, ${union.meanLength.toFixed(0)} items on the average, have the right one for
${percent(union.hitRate)} of the cases studied; a U2I list of the same length for ${percent(union.u2iOfSameLength)}.</p>`;
}

function catalogueTable({ catalogue, at }: Evaluation): string {
  const cuts = at.map((cut) => `@${cut}`);
  const rows = Object.entries(catalogue).map(([list, { coverage, longTail }]) => [
    escape(list),
    ...cuts.map((cut) => percent(coverage[cut]!)),
    ...cuts.map((cut) => percent(longTail[cut]!)),
  ]);
  const head = ['list', ...cuts.map((cut) => `coverage${cut}`), ...cuts.map((cut) => `long tail${cut}`)];
  return `${table(head, rows)}<p>Coverage: items that some list shows. Long tail: places of items outside the most popular
fifth.</p>`;
}

function cutsTable({ cuts, at }: Evaluation): string {
  const column = `HR@${at[Math.min(1, at.length - 1)]}`;
  const lists = [...new Set(Object.values(cuts).flatMap(({ metrics }) => Object.keys(metrics)))].filter(
    (list) => LISTS.includes(list) || list.includes('masked'),
  );
  const rows = Object.entries(cuts).map(([name, { cases, metrics }]) => [
    escape(name),
    String(cases),
    ...lists.map((list) => metrics[list]?.[column]?.toFixed(4) ?? '-'),
  ]);
  return `${table([`cases, ${column}`, 'number', ...lists.map(escape)], rows)}`;
}

async function coldPart({ coldItems }: Evaluation): Promise<string> {
  const { items, cases, demand, withAllUsers, firstUsers, withFirstUsers, fieldsAlone } = coldItems!;
  const curves = {
    'all other users known': withAllUsers,
    [`first ${firstUsers} users known`]: withFirstUsers,
    'fields alone': fieldsAlone,
  };
  const chart = await svgChart(
    {
      legend: { top: 4 },
      grid: { left: 56, right: 16, top: 48, bottom: 40 },
      xAxis: { type: 'value', name: 'exposure / demand', nameLocation: 'middle', nameGap: 24 },
      yAxis: { type: 'value', name: 'HR@50', min: 0 },
      series: Object.entries(curves).map(([name, curve]) => ({
        name,
        type: 'line',
        data: curve.map(({ exposure, metrics }) => [exposure / Math.max(demand, 1e-9), metrics['HR@50']!]),
      })),
    },
    SIZE,
  );
  const rows = Object.entries(curves).flatMap(([name, curve]) =>
    curve.map(({ shift, metrics, otherItems, exposure }) => [
      escape(name),
      String(shift),
      metrics['HR@50']!.toFixed(4),
      metrics['HR@200']!.toFixed(4),
      percent(exposure),
      (exposure / Math.max(demand, 1e-9)).toFixed(2),
      otherItems['HR@50']!.toFixed(4),
    ]),
  );
  const head = ['known', 'shift', 'HR@50', 'HR@200', 'exposure', 'exposure / demand', 'HR@50 of other items'];
  return `<p>${items} items, asked for in ${cases} cases (${percent(demand)}).</p>${chart}${table(head, rows)}`;
}

function referencesTable({ references }: Evaluation): string {
  const rows = Object.entries(references).map(([name, settings]) => [
    escape(name),
    escape(
      Object.entries(settings)
        .map(([key, value]) => `${key} ${value}`)
        .join(', ') || 'all events alike',
    ),
  ]);
  return table(['method', 'chosen on the last but one events'], rows);
}

const section = (title: string, body: string): string => `<h2>${escape(title)}</h2>\n${body}`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  return `<table>${line(head, 'th')}${rows.map((cells) => line(cells, 'td')).join('')}</table>`;
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
