import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NO_ROW, type ReleaseId } from '@mic/domain';
import { openStore } from '@mic/open-store';
import { openRelease } from '@mic/release';
import { mic } from './installation';

const SIZE = ['--users', '3000', '--items', '4000', '--events', '120000', '--seed', '1'];
/** Users that are asked for. */
const ASKED = 500;
/** Events of a history that the built-in profile reads. */
const HISTORY_LIMIT = 1_000;

/** An installation whose history and release are in a store, and what is known of both. */
export interface OutcomesHome {
  readonly home: string;
  readonly releaseId: ReleaseId;
  readonly itemIds: ReadonlySet<string>;
  readonly userIds: readonly string[];
  /** Items of each user's history. */
  readonly seen: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Makes a world, a model and a release with HNSW indexes, and puts history and release into the store. */
export async function makeOutcomesHome(home: string, store: string): Promise<OutcomesHome> {
  const data = join(home, 'datasets/world');
  const model = join(home, 'runs/model');
  const report = join(home, 'build.json');
  const at = ['--home', home, '--store', store];
  await mic('data', 'synth', ...SIZE, '--out', data);
  await mic('history', 'import', '--data', data, ...at);
  await mic('train', '--data', data, '--out', model, '--seed', '1', '--max-steps', '100');
  await mic('build', '--model', model, '--data', data, ...at, '--set', 'exactIndexBelow=1', '--json', report);
  const { releaseId } = JSON.parse(await readFile(report, 'utf8')) as { readonly releaseId: ReleaseId };
  await mic('publish', ...at, '--release', releaseId);
  return { home, releaseId, ...(await contentOf(home, store, releaseId)) };
}

async function contentOf(
  home: string,
  store: string,
  releaseId: ReleaseId,
): Promise<Pick<OutcomesHome, 'itemIds' | 'userIds' | 'seen'>> {
  const { catalog } = await openRelease(join(home, 'releases', releaseId));
  const itemIds = new Set(Array.from({ length: catalog.itemCount }, (_, row) => catalog.itemId(row)));
  const userIds = Array.from({ length: ASKED }, (_, i) => `user-${String(i).padStart(5, '0')}`);
  const seen = new Map<string, ReadonlySet<string>>();
  const opened = await openStore({ store });
  try {
    for (const userId of userIds) {
      const request = { releaseId, userId, historyLimit: HISTORY_LIMIT };
      const options = { signal: new AbortController().signal, requestId: 'bench' };
      const { history } = await opened.userContext(request, options);
      const rows = catalog.rowsOf(history.itemHashes).filter((row) => row !== NO_ROW);
      seen.set(userId, new Set(Array.from(rows, (row) => catalog.itemId(row))));
    }
  } finally {
    await opened.close();
  }
  return { itemIds, userIds, seen };
}
