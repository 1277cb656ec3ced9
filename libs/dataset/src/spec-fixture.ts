import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDuck, queryRows, sqlText } from './duck';

/** A folder for the files of one spec. */
export class SpecFolder {
  readonly dir = mkdtempSync(join(tmpdir(), 'mic-dataset-spec-'));

  path(name: string): string {
    return join(this.dir, name);
  }

  write(name: string, content: string | Buffer | object): string {
    const isRaw = typeof content === 'string' || Buffer.isBuffer(content);
    writeFileSync(this.path(name), isRaw ? content : JSON.stringify(content));
    return this.path(name);
  }

  /** Runs SQL, e.g. to make a Parquet file. */
  async sql<T>(statement: string): Promise<T[]> {
    const duck = await openDuck(':memory:', this.path('spill'));
    try {
      return await queryRows<T>(duck.connection, statement);
    } finally {
      duck.close();
    }
  }

  /** Events of a dataset as [user, item, time, weight], in file order. */
  async events(dataset: string): Promise<[string, string, number, number][]> {
    const rows = await this.sql<{ user_id: string; item_id: string; time: number; weight: number }>(
      `SELECT user_id, item_id, time_ms::DOUBLE AS time, weight FROM read_parquet(${sqlText(join(dataset, 'events.parquet'))}) ORDER BY seq`,
    );
    return rows.map(({ user_id, item_id, time, weight }) => [user_id, item_id, time, weight]);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
