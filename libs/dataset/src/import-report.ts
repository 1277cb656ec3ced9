import type { BadRows, DatasetInfo } from './dataset-info';

/** Tells how far a piece of work is: units done of a total. */
export type OnProgress = (done: number, total: number) => void;

/** What an importer did. */
export interface ImportReport {
  /** The dataset directory. */
  readonly dataset: string;
  readonly events: number;
  /** Users and items that have events. */
  readonly users: number;
  readonly items: number;
  /** Rows of the users and items tables. */
  readonly userRows: number;
  readonly itemRows: number;
  /** Events below the rating threshold. */
  readonly filtered: number;
  /** Events that repeat another one's user, item and time. */
  readonly duplicates: number;
  readonly bad: readonly BadRows[];
}

export function importReport(dataset: string, { counts, skipped }: DatasetInfo): ImportReport {
  return { dataset, ...counts, ...skipped };
}
