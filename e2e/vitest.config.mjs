import { defineConfig } from 'vitest/config';

// Two files at once: each has a private host. More fill the cores with container runtimes, and time-outs are then tested on nothing else.
export default defineConfig({
  test: {
    dir: 'e2e',
    // The others need whole systems of other releases: npm run test:system.
    include: ['**/*.e2e.test.ts', ...(process.env.FLATNET_SYSTEM === '1' ? ['**/*.system.test.ts'] : [])],
    maxWorkers: 2,
    isolate: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    setupFiles: ['e2e/require-root.ts'],
  },
});
