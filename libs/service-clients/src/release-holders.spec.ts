import { ReleaseServiceService } from '@mic/contracts';
import { parseReleaseId, type ReleaseId } from '@mic/domain';
import { createLogger, serviceHandlers, startServer, type RunningServer } from '@mic/rpc';
import { afterEach, describe, expect, it } from 'vitest';
import { lacking, ReleaseHolders, type Holding } from './release-holders';

const [R1, R2] = [parseReleaseId('r1'), parseReleaseId('r2')];
const SHA = 'a'.repeat(64);
const release = (releaseId: ReleaseId, manifestSha256 = SHA) => ({ releaseId, manifestSha256 });

const running: RunningServer[] = [];
let holders: ReleaseHolders | undefined;
afterEach(async () => {
  holders?.close();
  for (const server of running.splice(0)) await server.stop();
});

/** A service with these releases; what callers say they use goes into `named`. */
async function service(open: readonly ReleaseId[], named: string[][] = []): Promise<string> {
  const handlers = serviceHandlers(ReleaseServiceService, {
    getRelease({ inUseReleaseIds }) {
      named.push(inUseReleaseIds);
      const releases = open.map((id) => ({
        ...release(id),
        parentReleaseId: '',
        createdAt: '',
        encoder: '',
        dimension: 1,
        featureSchemaSha256: '',
        users: 1,
        items: 1,
      }));
      return Promise.resolve({ currentReleaseId: open[0] ?? '', releases, publishedReleaseId: '', problem: '' });
    },
  });
  const logger = createLogger({ level: 'silent', service: 'spec' });
  const server = await startServer({ address: '127.0.0.1:0', services: [handlers], logger, drainTimeoutMs: 100 });
  running.push(server);
  return server.address;
}

describe('ReleaseHolders', () => {
  it('asks every address of every service, and names the releases that are in use', async () => {
    const named: string[][] = [];
    const [a, b, c] = [await service([R1, R2], named), await service([R1], named), await service([R2], named)];
    holders = new ReleaseHolders({ 'ann-service': `${a},${b}`, 'user-embedder': c });
    expect(await holders.ask([R1])).toEqual([
      { service: 'ann-service', address: a, open: [release(R1), release(R2)] },
      { service: 'ann-service', address: b, open: [release(R1)] },
      { service: 'user-embedder', address: c, open: [release(R2)] },
    ]);
    expect(named).toEqual([['r1'], ['r1'], ['r1']]);
  });

  it('notes an address that does not answer, and remembers the last answer of one that did for ten seconds', async () => {
    const there = await service([R1]);
    let now = 0;
    const targets = { one: `${there},127.0.0.1:1`, nameless: 'no-such-host.invalid:1' };
    holders = new ReleaseHolders(targets, () => now);
    expect(await holders.ask([])).toEqual([
      { service: 'one', address: there, open: [release(R1)] },
      { service: 'one', address: '127.0.0.1:1', open: null },
    ]);
    await running.pop()!.stop();
    now = 9_999;
    expect((await holders.ask([])).map(({ open }) => open)).toEqual([[release(R1)], null]);
    now = 10_000;
    expect((await holders.ask([])).map(({ open }) => open)).toEqual([null, null]);
  });
});

describe('a look-up that fails', () => {
  it('takes nobody’s say away', async () => {
    const there = await service([R1]);
    const found: (() => Promise<readonly string[]>)[] = [
      () => Promise.resolve([there]),
      () => Promise.reject(new Error('SERVFAIL')),
      () => Promise.resolve([]),
    ];
    holders = new ReleaseHolders({ one: 'dns:///one:1' }, undefined, () => found.shift()!());
    for (let look = 0; look < 3; look++)
      expect(lacking(await holders.ask([]), release(R2))).toEqual([`one at ${there}`]);
  });
});

describe('lacking', () => {
  const holdings: Holding[] = [
    { service: 'a', address: '1', open: [release(R1), release(R2)] },
    { service: 'b', address: '2', open: [release(R1)] },
    { service: 'c', address: '3', open: null },
  ];

  it('names those that answered and do not have the release, or have one of other content', () => {
    expect(lacking(holdings, release(R1))).toEqual([]);
    expect(lacking(holdings, release(R2))).toEqual(['b at 2']);
    expect(lacking(holdings, release(R1, 'c'.repeat(64)))).toEqual(['a at 1', 'b at 2']);
  });
});
