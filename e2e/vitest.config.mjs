import { defineConfig } from 'vitest/config';

// One file after another: each has kernel state of its own, but two cores are soon full of container runtimes.
export default defineConfig({
  test: {
    dir: 'e2e',
    include: ['**/*.e2e.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    setupFiles: ['e2e/require-root.ts'],
  },
});
