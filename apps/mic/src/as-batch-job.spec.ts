import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism, getPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const canRaise = process.platform === 'linux' && process.getuid?.() === 0 && getPriority() === 0;
/** Ends by itself where the test does not come to it. */
const HOG = 'const end = Date.now() + 120_000; while (Date.now() < end);';
const started: ReturnType<typeof spawn>[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

function run(code: string) {
  const module = JSON.stringify(fileURLToPath(new URL('./as-batch-job.ts', import.meta.url)));
  const args = ['--import', 'tsx', '--input-type=module', '-e', `import { asBatchJob } from ${module};\n${code}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  return child;
}
/** Nice value and policy (0 normal, 5 idle): fields 19 and 41 of a process's stat. */
const priorityOf = (pid: number): string => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return `${fields[16]} ${fields[38]}`;
};

describe.runIf(canRaise)('asBatchJob', () => {
  it('takes only what others leave', async () => {
    const job = run(`asBatchJob(); console.log('ready'); setInterval(() => undefined, 1000);`);
    await once(job.stdout!, 'data');
    expect(priorityOf(job.pid!)).toBe('10 5');
    await sleep(2_500);
    expect(priorityOf(job.pid!)).toBe('10 5');
  });

  it('but does not starve where they leave nothing', async () => {
    const hogs = Array.from({ length: 2 * availableParallelism() }, () => spawn(process.execPath, ['-e', HOG]));
    started.push(...hogs);
    const job = run(`asBatchJob(); console.log('ready'); const work = () => {
      const until = performance.now() + 20; while (performance.now() < until); setImmediate(work);
    }; work();`);
    await once(job.stdout!, 'data');
    // It must itself get a processor for that: 6 s on one machine, 24 to 40 on another.
    for (let i = 0; i < 1_000 && priorityOf(job.pid!) !== '10 0'; i++) await sleep(100);
    expect(priorityOf(job.pid!)).toBe('10 0');
  }, 120_000);
});
