import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

// Who may import whom. A project has a `type:` (what kind of room it is) and a `plane:` (when it runs).
const types = {
  contract: [],
  pure: ['pure'],
  adapter: ['pure', 'adapter', 'contract'],
  service: ['pure', 'adapter', 'contract', 'service'],
  client: ['pure', 'adapter', 'contract'],
  job: ['pure', 'adapter', 'job'],
  cli: ['pure', 'adapter', 'contract', 'service', 'client', 'job'],
  test: ['pure', 'adapter', 'contract', 'service', 'client', 'job', 'cli', 'test'],
};
const planes = { online: ['online', 'shared'], offline: ['offline', 'shared'] };
const tagged = (kind, names) => names.map((name) => `${kind}:${name}`);
const depConstraints = [
  ...Object.entries(types).map(([type, allowed]) => ({
    sourceTag: `type:${type}`,
    onlyDependOnLibsWithTags: tagged('type', allowed),
  })),
  ...Object.entries(planes).map(([plane, allowed]) => ({
    sourceTag: `plane:${plane}`,
    onlyDependOnLibsWithTags: tagged('plane', allowed),
  })),
];
// A pure library computes: no files, no network, no processes, no clock of its own beyond timers.
const ioModules = ['fs', 'net', 'http', 'http2', 'child_process', 'worker_threads', 'cluster', 'dgram', 'tls'];
const pureLibraries = ['autodiff', 'domain', 'evaluation', 'features', 'recall', 'rerank', 'vectors'];

export default tseslint.config(
  { ignores: ['**/dist', '**/node_modules', 'libs/contracts/src/gen', '.nx', '.mic'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strict, ...tseslint.configs.stylistic],
    plugins: { '@nx': nx },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@nx/enforce-module-boundaries': ['error', { allow: [], depConstraints, enforceBuildableLibDependency: false }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off', // typed-array reads under noUncheckedIndexedAccess
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-restricted-syntax': ['error', { selector: 'ExportAllDeclaration', message: 'name what you export' }],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
    },
  },
  {
    files: pureLibraries.map((name) => `libs/${name}/src/**/*.ts`),
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ioModules.flatMap((name) => [name, `node:${name}`, `node:${name}/*`]),
              message: 'a pure library does no I/O',
            },
          ],
        },
      ],
    },
  },
  {
    // Tests may reach for the real thing: an adapter beside a pure library, the conformance suites of ports.
    files: ['**/*.spec.ts', 'tests/**/*.ts', 'libs/*-conformance/**/*.ts', 'libs/redis-process/**/*.ts'],
    rules: {
      '@nx/enforce-module-boundaries': 'off',
      'max-lines': 'off',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  prettier,
);
