// npm test [-- --only STEP,STEP]: every check of the repository, in the order in which they fail fastest.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { main, root, setup } from './setup.mjs';
import { systemPackages } from './system-packages.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'mic-test-'));
const vitestReport = join(scratch, 'vitest.json');

const steps = {
  format: ['prettier', '--check', '--log-level', 'warn', '.'],
  // The boundary rule reads the cached project graph and is silent without one.
  graph: ['nx', 'show', 'projects'],
  lint: ['eslint', '.'],
  types: ['tsc', '-p', 'tsconfig.json'],
  'proto-lint': ['buf', 'lint'],
  'proto-breaking': ['buf', 'breaking', '--against', 'proto/baseline.binpb'],
  k8s: ['tsx', 'tools/k8s-validate.ts'],
  specs: ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${vitestReport}`],
};

function runStep(name) {
  console.log(`\n--- ${name}`);
  const started = Date.now();
  const env = { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false' };
  const { status } = spawnSync('npx', ['--no-install', ...steps[name]], { cwd: root, env, stdio: ['ignore', 1, 1] });
  console.log(`--- ${name}: ${status === 0 ? 'passed' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return status === 0;
}

/** A spec run counts each test; a run that broke before it could report counts as one failure. */
function specCounts(passed) {
  try {
    const report = JSON.parse(readFileSync(vitestReport, 'utf8'));
    const failed = report.numFailedTests;
    return { passed: report.numPassedTests, failed: failed === 0 && !passed ? 1 : failed };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

main(() => {
  const { values } = parseArgs({ options: { only: { type: 'string' } } });
  const wanted = values.only ? values.only.split(',') : Object.keys(steps);
  const unknown = wanted.filter((name) => !(name in steps));
  if (unknown.length > 0) throw new Error(`no step ${unknown.join(', ')}; there are ${Object.keys(steps).join(', ')}`);
  if (wanted.some((name) => name === 'specs' || name === 'k8s')) systemPackages();
  setup();
  const total = { passed: 0, failed: 0 };
  for (const name of wanted) {
    const passed = runStep(name);
    const counts = name === 'specs' ? specCounts(passed) : { passed: Number(passed), failed: Number(!passed) };
    total.passed += counts.passed;
    total.failed += counts.failed;
  }
  rmSync(scratch, { recursive: true, force: true });
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  if (total.failed > 0) process.exitCode = 1;
});
