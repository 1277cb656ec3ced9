// node libs/contracts/generate.mjs: writes src/gen from proto/ (see buf.gen.yaml), and the descriptors that server
// reflection serves. Needs no network.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));
const generated = join(here, 'src', 'gen');
const bin = join(root, 'node_modules', '.bin');
const buf = (...args) =>
  execFileSync(join(bin, 'buf'), args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: process.env });

rmSync(generated, { recursive: true, force: true });
mkdirSync(generated, { recursive: true });
buf('generate');

const scratch = mkdtempSync(join(tmpdir(), 'mic-descriptors-'));
try {
  const image = join(scratch, 'descriptors.binpb');
  buf('build', '--as-file-descriptor-set', '--exclude-source-info', '-o', image);
  writeFileSync(
    join(generated, 'descriptors.ts'),
    `// Written by libs/contracts/generate.mjs. Do not edit.
/** google.protobuf.FileDescriptorSet of proto/, base64. */
export const FILE_DESCRIPTOR_SET_BASE64 =
  '${readFileSync(image).toString('base64')}';
`,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
const files = readdirSync(generated, { recursive: true }).filter((name) => String(name).endsWith('.ts'));
console.log(`contracts: ${files.length} files in libs/contracts/src/gen`);
