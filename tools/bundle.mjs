// node tools/bundle.mjs OUTDIR NAME=ENTRY [NAME=ENTRY ...]
// Bundles TypeScript entries to ESM for Node: workspace packages go in, everything from node_modules stays outside.
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

const [outdir, ...entries] = process.argv.slice(2);

const thirdPartyOutside = {
  name: 'third-party-outside',
  setup(context) {
    context.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('@mic/') ? undefined : { path, external: true },
    );
  },
};

rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: Object.fromEntries(entries.map((entry) => entry.split('='))),
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  // What is imported when it is needed, and what programs of one folder share, goes to chunks beside them.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
  plugins: [thirdPartyOutside],
});
