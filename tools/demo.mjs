// npm run demo: sets up, then runs `mic demo` with the flags that were given.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { main, root, setup } from './setup.mjs';

main(() => {
  setup();
  const mic = spawn(process.execPath, [join(root, 'apps/mic/bin/mic.mjs'), 'demo', ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => mic.kill(signal));
  mic.on('exit', (code, signal) => (process.exitCode = signal ? 1 : (code ?? 1)));
});
