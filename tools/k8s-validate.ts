// npm run k8s:validate [-- [--json] [DIR...]]: builds the manifests and checks them without a cluster.
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkBuild } from './k8s/check-build';
import { kustomize } from './k8s/kustomize';
import type { Problem } from './k8s/objects';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The base and every overlay of the repository. */
function allDirectories(): string[] {
  const overlays = join(root, 'k8s/overlays');
  const names = existsSync(overlays) ? readdirSync(overlays).sort() : [];
  return [join(root, 'k8s/base'), ...names.map((name) => join(overlays, name))].map((path) => relative('.', path));
}

function validate(directories: readonly string[]): { objects: number; problems: (Problem & { build: string })[] } {
  const checked = directories.map((build) => {
    const objects = kustomize(build);
    return { objects: objects.length, problems: checkBuild(objects).map((problem) => ({ build, ...problem })) };
  });
  return {
    objects: checked.reduce((sum, { objects }) => sum + objects, 0),
    problems: checked.flatMap(({ problems }) => problems),
  };
}

try {
  const { values, positionals } = parseArgs({ options: { json: { type: 'boolean' } }, allowPositionals: true });
  const builds = positionals.length > 0 ? positionals : allDirectories();
  const { objects, problems } = validate(builds);
  if (values.json) {
    console.log(JSON.stringify({ builds, objects, problems }));
  } else {
    for (const { build, object, field, problem, remedy } of problems) {
      console.log(`${build} ${object}: ${field}: ${problem}; ${remedy}`);
    }
    console.log(`${objects} objects of ${builds.join(', ')} checked, ${problems.length} problems`);
  }
  if (problems.length > 0) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
