// Brings node_modules in line with package-lock.json, and nothing more: an installed tree is left as it is.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const MINIMUM_NODE = [20, 19];

/** Installed packages equal the lock file, and the native addon that is compiled here is in its place. */
function isInstalled(root) {
  const hidden = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(hidden) || !existsSync(join(root, 'node_modules/hnswlib-node/build/Release/addon.node')))
    return false;
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/') || entry.optional) return true;
    return entry.link ? existsSync(join(root, path)) : installed[path]?.version === entry.version;
  });
}

/** @param {string} root repository root */
export function install(root) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor < MINIMUM_NODE[1])) {
    throw new Error(`Node ${MINIMUM_NODE.join('.')} or newer is needed, this is ${process.versions.node}`);
  }
  if (isInstalled(root)) return;
  for (const program of ['python3', 'make', 'g++']) {
    if (spawnSync(program, ['--version']).error) {
      throw new Error(`${program} is needed to compile native addons (on Debian: apt-get install python3 make g++)`);
    }
  }
  // Headers beside the node binary spare node-gyp a download. The script of onnxruntime-node fetches CUDA files that
  // nothing here uses; package.json denies it, this covers older npm versions.
  const prefix = dirname(dirname(process.execPath));
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  if (existsSync(join(prefix, 'include/node/node.h'))) env.npm_config_nodedir = prefix;
  console.error('setup: installing packages (npm ci)');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root, env, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('npm ci failed; its output above says why');
}
