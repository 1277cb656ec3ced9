// npm run setup: installs and builds everything. Quick when there is nothing to do. Writes to stderr only.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { install } from './install.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export function setup() {
  install(root);
  console.error('setup: building');
  const env = { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false' };
  const run = spawnSync('npx', ['--no-install', 'nx', 'run-many', '-t', 'build', '--outputStyle=static'], {
    cwd: root,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (run.status !== 0) throw new Error(`the build failed\n${run.stdout}\n${run.stderr}`);
}

/** Runs a step and turns an error into one line and exit status 1. */
export function main(step) {
  try {
    step();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  main(() => {
    setup();
    console.error('setup: done; try `./node_modules/.bin/mic --help` or `npm run demo`');
  });
}
