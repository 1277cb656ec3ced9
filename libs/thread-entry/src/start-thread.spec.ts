import { once } from 'node:events';
import { getPriority } from 'node:os';
import { describe, expect, it } from 'vitest';
import { startThread, type ThreadOptions } from './start-thread';

const isRoot = process.getuid?.() === 0;

describe.runIf(process.platform === 'linux')('startThread', () => {
  const priorities = async (priority: ThreadOptions['priority']) => {
    const worker = startThread('spec-thread', import.meta.url, { name: 'spec', workerData: { a: 1 }, priority });
    const [first] = (await once(worker, 'message')) as [{ starting: string; given: unknown }];
    expect(first.given).toEqual({ a: 1 });
    // By then the start is over.
    await new Promise((resolve) => setImmediate(resolve));
    let later = first.starting;
    for (let i = 0; i < 50; i++) {
      worker.postMessage('ask');
      [{ later }] = (await once(worker, 'message')) as [{ later: string }];
      if (later !== first.starting) break;
    }
    await worker.terminate();
    return { starting: first.starting, later };
  };
  const normal = getPriority();

  it('gives a thread in the background the lowest priority to its end, and leaves the others alone', async () => {
    expect(await priorities('background')).toEqual({ starting: '19 idle', later: '19 idle' });
    expect(getPriority()).toBe(normal);
  });

  it.runIf(isRoot && normal === 0)('starts a gentle thread at the lowest priority and raises it then', async () => {
    expect(await priorities('gentle')).toEqual({ starting: '19 idle', later: '0 other' });
  });

  it('leaves a normal thread as it is', async () => {
    expect(await priorities('normal')).toEqual({ starting: `${normal} other`, later: `${normal} other` });
  });
});
