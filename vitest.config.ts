import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{apps,libs}/*/src/**/*.spec.ts', 'tests/**/*.spec.ts', 'bench/*.spec.ts'],
    globalSetup: './tests/shared-folder.ts',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The command line is judged by its text: whatever colours the machine that runs the tests likes.
    env: { FORCE_COLOR: '0' },
  },
});
