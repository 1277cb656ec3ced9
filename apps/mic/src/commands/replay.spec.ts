import { expect, it } from 'vitest';
import { replayCommand } from './replay';

it('mic replay refuses a profile without the file that it is of', async () => {
  const run = replayCommand().parseAsync(['--log', 'decisions', '--profile', 'b'], { from: 'user' });
  await expect(run).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('--profile b'),
    remedy: expect.stringContaining('--profiles FILE'),
  });
});
