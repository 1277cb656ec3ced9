import { expect, it } from 'vitest';
import { openExecutor } from './part-executor';

const PART = { model: 0, feeds: {}, dropoutOffsets: [] };

it('a thread that dies fails the part that waits for it, and every later one', async () => {
  const executor = openExecutor({ models: [], parameters: {}, pools: null as never }, 1);
  for (let attempt = 0; attempt < 2; attempt++) {
    await expect(executor.run([PART])).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'a training thread ended',
      remedy: expect.stringContaining('loop.workers=0'),
    });
  }
  await executor.close();
});
