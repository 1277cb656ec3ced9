import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecallResponse } from '@mic/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lastJson, mic, serve, type Served } from './processes';
import { makeSmallHome, succeed, type SmallHome } from './small-home';

interface Report {
  decisions: number;
  same: number;
  meanOverlap: number;
  withoutRelease: Record<string, number>;
  rankedBy: string[];
  unreadable: number;
  shown?: { itemId: string }[][];
}

describe('a decision log', () => {
  let small: SmallHome;
  let server: Served;
  let log: string;
  const answers: RecallResponse[] = [];
  const recall = async (...flags: string[]) =>
    lastJson<RecallResponse>((await succeed('recall', '--target', server.address, '--json', ...flags)).stdout);
  const replay = async (...flags: string[]) => {
    const finished = await mic('replay', '--home', small.home, '--log', log, '--json', ...flags);
    return { ...finished, report: lastJson<Report>(finished.stdout) };
  };

  beforeAll(async () => {
    small = await makeSmallHome();
    log = join(small.home, 'decisions');
    server = await serve(small.home, '--decision-log', log, '--decision-sample', '1');
    const items = join(small.home, 'new.jsonl');
    await writeFile(items, '{"item_id": "new-1"}\n\n{"item_id": "new-2", "fields": {}}\n');
    const at = ['--target', server.address, '--json'];
    expect(lastJson((await succeed('items', 'upsert', '--from', items, ...at)).stdout)).toEqual({
      items: 2,
      revision: 2,
    });
    expect(lastJson((await succeed('items', 'remove', 'item-000003', ...at)).stdout)).toEqual({
      items: 1,
      revision: 3,
    });
    for (const user of small.userIds.slice(0, 5))
      answers.push(await recall('--user', user, '-n', '50', '--timeout-ms', '10000'));
    answers.push(await recall('--user', 'nobody', '--seen', 'item-000007', '--explain', '--timeout-ms', '10000'));
    answers.push(
      await recall('--user', small.userIds[9]!, '--only', 'new-1', '--only', 'new-2', '--timeout-ms', '10000'),
    );
    await server.stop();
  }, 170_000);
  afterAll(() => rm(small.home, { recursive: true, force: true }));

  it('holds what was answered, and ranks it again to the same bits', async () => {
    const { status, report } = await replay();
    expect([status, report]).toMatchObject([
      0,
      { decisions: 7, same: 7, meanOverlap: 1, withoutRelease: {}, rankedBy: [], unreadable: 0 },
    ]);
    expect(answers[6]!.items.map(({ itemId }) => itemId).sort()).toEqual(['new-1', 'new-2']);
    expect(answers[6]!.itemsRevision).toBe(3);
    for (const { items } of answers) expect(items.map(({ itemId }) => itemId)).not.toContain('item-000003');
  });

  it('explains in words to who asks', async () => {
    const { items } = answers[5]!;
    const words = items.flatMap(({ sources }) => sources.map(({ because }) => because));
    expect(words.every((because) => because !== '')).toBe(true);
    expect(words.some((because) => because.startsWith('it is similar to item-000007'))).toBe(true);
  });

  it('shows one request, as it was and as another profile would have it', async () => {
    const profiles = join(small.home, 'next.json');
    const next = { rerank: { weights: { basic: -1 } }, channels: { U2I: { enabled: false } } };
    await writeFile(profiles, JSON.stringify({ default: 'next', profiles: { next } }));
    const [{ requestId }] = answers as [RecallResponse];
    const { status, report } = await replay('--profiles', profiles, '--show', requestId);
    expect([status, report.decisions, report.same, report.rankedBy.length]).toEqual([0, 1, 0, 1]);
    expect(report.meanOverlap).toBeLessThan(1);
    expect(report.shown).toHaveLength(1);
    const people = await succeed('replay', '--home', small.home, '--log', log, '--show', requestId);
    expect(people.stdout).toContain(answers[0]!.items[0]!.itemId);
  });

  it('finds a ranking that is not what was answered, and leaves out lines that are torn', async () => {
    const [file] = (await readdir(log)).filter((name) => name.endsWith('.jsonl'));
    const lines = (await readFile(join(log, file!), 'utf8')).trimEnd().split('\n');
    const forged = JSON.parse(lines[0]!) as { userVectors: { vectors: string } };
    forged.userVectors.vectors = Buffer.from(
      Float32Array.from(new Float32Array(Buffer.from(forged.userVectors.vectors, 'base64').buffer), () => 0.1).buffer,
    ).toString('base64');
    const other = join(small.home, 'forged.jsonl');
    await writeFile(other, [JSON.stringify(forged), ...lines.slice(1, 3), lines[3]!.slice(0, 200)].join('\n'));
    const finished = await mic('replay', '--home', small.home, '--log', other, '--json');
    expect(finished.status).toBe(1);
    expect(lastJson<Report>(finished.stdout)).toMatchObject({ decisions: 3, same: 2, unreadable: 1 });
  });

  it('names releases that the home does not have', async () => {
    const elsewhere = join(small.home, 'elsewhere');
    const { stdout, status } = await mic('replay', '--home', elsewhere, '--log', log, '--json');
    expect([status, lastJson<Report>(stdout)]).toMatchObject([
      0,
      { decisions: 0, withoutRelease: { [small.releaseId]: 7 } },
    ]);
    const none = await mic('replay', '--home', small.home, '--log', elsewhere);
    expect(none.status).toBe(1);
    expect(none.stderr).toContain('there is no decision log');
  });

  it('stands beside what the store says of items', async () => {
    const { stdout } = await succeed('items', 'list', '--home', small.home, '--json');
    expect(lastJson(stdout)).toEqual({
      revision: 3,
      items: [
        { itemId: 'new-1', fields: {} },
        { itemId: 'new-2', fields: {} },
        { itemId: 'item-000003', fields: null },
      ],
    });
  });
});
