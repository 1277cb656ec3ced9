import type { Manifest } from '@mic/release';
import { colours } from './colours';
import { plainTable } from './plain-table';

/** The checks of the gate as a table, those that failed first; a sentence says whether the release may be published. */
export function printGate({ gate }: Pick<Manifest, 'gate'>): string {
  const show = (value: number | null): string => (value === null ? '-' : String(Number(value.toFixed(4))));
  const rows = [...gate.checks]
    .sort((a, b) => Number(a.passed) - Number(b.passed))
    .map(({ name, value, least, most, passed, note }) => [
      name,
      show(value),
      show(least),
      show(most),
      passed ? (note ?? 'ok') : colours.red(note ?? 'out of bounds'),
    ]);
  const failed = gate.checks.filter(({ passed }) => !passed).map(({ name }) => name);
  const verdict = gate.passed
    ? `gate: ${colours.green('passed')}`
    : `gate: ${colours.red('failed')} (${failed.join(', ')})`;
  return `${plainTable(['figure', 'value', 'at least', 'at most', ''], rows)}\n${verdict}`;
}
