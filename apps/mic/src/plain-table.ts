import Table from 'cli-table3';
import { colours } from './colours';

/** A table for people without lines and colours, which reads as well in a file as on a terminal. */
export function plainTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const none = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '' };
  const lines = { 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '' };
  const table = new Table({
    head: head.map((title) => colours.bold(title)),
    chars: { ...none, ...lines, 'right-mid': '', middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}
