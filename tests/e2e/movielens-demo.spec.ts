import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecallResponse } from '@mic/contracts';
import { Random } from '@mic/domain';
import type { Manifest } from '@mic/release';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { lastJson, mic } from './processes';

const USERS = 120;
const FILMS = 150;
const GENRES = ['unknown', 'Action', 'Comedy', 'Drama', 'Horror', 'Romance'];

/** Files in the original format of MovieLens-100K; a user watches films of two genres. */
async function writeFilms(dir: string): Promise<void> {
  const random = new Random(11);
  const genreOf = (film: number): number => film % GENRES.length;
  const ratings: string[] = [];
  for (let user = 1; user <= USERS; user++) {
    const liked = [random.below(GENRES.length), random.below(GENRES.length)];
    const films = new Set<number>();
    while (films.size < 25) {
      const film = 1 + random.below(FILMS);
      if (liked.includes(genreOf(film)) || random.next() < 0.1) films.add(film);
    }
    [...films].forEach((film, i) =>
      ratings.push(`${user}\t${film}\t${1 + random.below(5)}\t${880000000 + user * 1000 + i}`),
    );
  }
  const users = Array.from({ length: USERS }, (_, i) => `${i + 1}|${18 + (i % 50)}|${i % 2 ? 'M' : 'F'}|student|00000`);
  const films = Array.from({ length: FILMS }, (_, i) => {
    const flags = GENRES.map((_genre, genre) => (genre === genreOf(i + 1) ? 1 : 0));
    return `${i + 1}|Film ${i + 1} (1995)|01-Jan-1995||http://example.invalid/${i + 1}|${flags.join('|')}`;
  });
  await writeFile(join(dir, 'u.data'), `${ratings.join('\n')}\n`);
  await writeFile(join(dir, 'u.user'), `${users.join('\n')}\n`);
  await writeFile(join(dir, 'u.item'), `${films.join('\n')}\n`);
  await writeFile(join(dir, 'u.genre'), `${GENRES.map((genre, i) => `${genre}|${i}`).join('\n')}\n`);
}

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mic-movielens-'));
  await writeFilms(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

it('mic demo --import movielens-100k goes the same way on files in the original format', async () => {
  const flags = ['--once', '--json', '--import', 'movielens-100k', '--from', dir, '--home', join(dir, 'home')];
  const { status, stdout, stderr } = await mic('demo', ...flags);
  expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
  const { release, recalls } = lastJson<{ release: Manifest; recalls: RecallResponse[] }>(stdout);
  expect(release.counts).toMatchObject({ users: USERS, events: USERS * 25 });
  expect(release.quality.users).toBe(USERS);
  for (const response of recalls) {
    expect(response.releaseId).toBe(release.id);
    expect(response.items.length).toBe(20);
    const outcomes = response.channels.map(({ outcome }) => outcome.replace('OUTCOME_', ''));
    expect(outcomes).toEqual(['OK', 'OK', 'OK', 'DISABLED']);
  }
});

it('and names the file that is missing', async () => {
  await rm(join(dir, 'u.genre'));
  const { status, stderr } = await mic(
    'demo',
    '--once',
    '--import',
    'movielens-100k',
    '--from',
    dir,
    '--home',
    join(dir, 'h2'),
  );
  expect([status, stderr]).toEqual([1, expect.stringContaining('u.genre')]);
});
