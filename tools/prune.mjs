// node tools/prune.mjs APP OUTDIR
// Writes a built app with exactly the packages that it needs at run time on this platform, and nothing that is built here.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { main, root } from './setup.mjs';

const APPS = ['user-embedder', 'ann-service', 'neighbor-store', 'recall-gateway', 'mic'];
const MIB = 2 ** 20;

/** Packages that are for compilers only. */
const COMPILE_TIME = /^(@types\/.*|undici-types|node-addon-api)$/;
/** Files of a package, by their path within it, that are never loaded here. */
const NOT_LOADED = {
  'onnxruntime-node': (path) => {
    const [bin, , platform, arch] = path.split('/');
    if (bin === 'script') return true; // fetches CUDA libraries at install time
    if (bin !== 'bin' || platform === undefined) return false;
    return platform !== process.platform || (arch !== undefined && arch !== process.arch);
  },
  // Of the build only the addon counts: no makefiles, no object files, no sources.
  'hnswlib-node': (path) =>
    /^(src|binding\.gyp)(\/|$)/.test(path) ||
    (path.startsWith('build/') && path !== 'build/Release' && path !== 'build/Release/addon.node'),
  lmdb: (path) => /^(src|dependencies|test|deno\.ts|binding\.gyp)(\/|$)/.test(path),
};

/** Folders, relative to the root, of the third-party packages that the app needs, transitively. */
function packageFolders(app) {
  const args = ['ls', '--parseable', '--all', '--omit=dev', '-w', `@mic/${app}`];
  const run = spawnSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * MIB });
  if (run.status !== 0) throw new Error(`npm ${args.join(' ')} failed\n${run.stderr}`);
  const folders = run.stdout.split('\n').map((line) => relative(root, line.trim()).split(sep).join('/'));
  return folders
    .filter((folder) => folder.startsWith('node_modules/') && !folder.startsWith('node_modules/@mic/'))
    .filter((folder) => !COMPILE_TIME.test(packageName(folder)))
    .sort();
}

const packageName = (folder) => folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);

function copyPackage(folder, outdir) {
  const from = join(root, folder);
  const notLoaded = NOT_LOADED[packageName(folder)] ?? (() => false);
  cpSync(from, join(outdir, folder), {
    recursive: true,
    filter: (source) => {
      const path = relative(from, source).split(sep).join('/');
      // Packages within packages are listed, and copied, by themselves.
      return !(path === 'node_modules' || /\.d\.[cm]?ts$/.test(basename(path)) || notLoaded(path));
    },
  });
}

function bytesIn(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}

main(() => {
  const [app, outdir, ...rest] = process.argv.slice(2);
  if (!app || !outdir || rest.length > 0) throw new Error('usage: node tools/prune.mjs APP OUTDIR');
  if (!APPS.includes(app)) throw new Error(`no app ${app}; there are ${APPS.join(', ')}`);
  const dist = join(root, 'apps', app, 'dist');
  if (!existsSync(join(dist, 'main.mjs'))) throw new Error(`${app} is not built: npx nx build @mic/${app}`);
  if (existsSync(outdir) && readdirSync(outdir).length > 0)
    throw new Error(`${outdir} is not empty: name a new folder`);

  mkdirSync(outdir, { recursive: true });
  cpSync(dist, join(outdir, 'dist'), { recursive: true });
  const { name, version, license, type } = JSON.parse(readFileSync(join(root, 'apps', app, 'package.json'), 'utf8'));
  writeFileSync(join(outdir, 'package.json'), `${JSON.stringify({ name, version, license, type }, null, 2)}\n`);
  const folders = packageFolders(app);
  for (const folder of folders) copyPackage(folder, outdir);
  console.log(`${app}: ${folders.length} packages, ${(bytesIn(outdir) / MIB).toFixed(1)} MiB`);
});
