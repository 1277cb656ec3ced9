import type { Compared, ComparedCheck, ReleaseDiff } from '@mic/release-build';
import { colours } from './colours';
import { plainTable } from './plain-table';
import { QUALITY_COLUMNS } from './print-quality';

/** Two releases side by side, as tables. Figures that are the same in both have no difference. */
export function printDiff(diff: ReleaseDiff): string {
  const { vocabulary, lists, files } = diff;
  const texts = diff.facts.map(({ name, a, b }) => [name, a, b, a === b ? '' : colours.yellow('differs')]);
  const overlaps = Object.entries(vocabulary).map(([kind, { inBoth, added, gone }]) => [
    kind,
    String(inBoth),
    String(added),
    String(gone),
  ]);
  const agreements = Object.entries({ 'similar users': lists.u2u, 'similar items': lists.i2i }).map(
    ([kind, { lists: compared, at, overlap, similarityCosine }]) => [
      kind,
      String(compared),
      String(at),
      show(overlap),
      show(similarityCosine),
    ],
  );
  return [
    plainTable(['', 'A', 'B', ''], texts),
    section('shape', figures(diff.shape)),
    section('quality on held-out events', figures(diff.quality.filter(isShown))),
    section(
      'gate',
      plainTable(['figure', 'A', 'B', 'B - A', 'at least', 'at most', 'A', 'B'], diff.gate.map(checkRow)),
    ),
    section(
      'build',
      figures(diff.build, (name) => (name.endsWith('bytes') ? bytes : show)),
    ),
    section(
      'bytes of files',
      figures(diff.sizes, () => bytes),
    ),
    section('vocabularies', plainTable(['', 'in both', 'new in B', 'gone from A'], overlaps)),
    section('lists that both have', plainTable(['', 'lists', 'at', 'overlap', 'cosine of similarities'], agreements)),
    `\nmean cosine of an item's vectors: ${show(diff.itemCosine)}`,
    `files: ${files.same} the same (${bytes(files.sameBytes)} of B), ${files.changed.length} changed, ${files.added.length} new in B, ${files.gone.length} gone (${bytes(files.otherBytes)} of B differ)`,
    ...(files.changed.length > 0 ? [`changed: ${files.changed.join(', ')}`] : []),
  ].join('\n');
}

/** Figures of quality that a person looks at; JSON has all. */
const SHOWN = ['users', ...QUALITY_COLUMNS];
const isShown = ({ name }: Compared): boolean => SHOWN.includes(name.split(' ').at(-1)!);

const section = (title: string, table: string): string => `\n${colours.bold(title)}\n${table}`;

type Show = (value: number | null) => string;

function figures(rows: readonly Compared[], showOf: (name: string) => Show = () => show): string {
  return plainTable(
    ['', 'A', 'B', 'B - A'],
    rows.map(({ name, a, b, difference }) => {
      const text = showOf(name);
      return [name.replace(/ bytes$/, ''), text(a), text(b), signed(difference, text)];
    }),
  );
}

function checkRow({ name, a, b, difference, least, most, passedA, passedB, noteA, noteB }: ComparedCheck): string[] {
  const verdict = (passed: boolean | null, note: string | null): string => {
    if (passed === null) return '-';
    return passed ? (note === null ? 'ok' : 'does not apply') : colours.red(note ?? 'out of bounds');
  };
  return [
    name,
    show(a),
    show(b),
    signed(difference, show),
    show(least),
    show(most),
    verdict(passedA, noteA),
    verdict(passedB, noteB),
  ];
}

const show: Show = (value) => (value === null ? '-' : String(Number(value.toFixed(4))));

const UNITS = ['B', 'KiB', 'MiB', 'GiB'];

const bytes: Show = (value) => {
  if (value === null) return '-';
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, Math.abs(value))) / 10));
  return `${Number((value / 1024 ** step).toFixed(1))} ${UNITS[step]}`;
};

function signed(difference: number | null, text: Show): string {
  if (difference === null || text(difference) === text(0)) return '';
  return difference > 0 ? `+${text(difference)}` : text(difference);
}
