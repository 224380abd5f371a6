import { configDefaults, defineConfig } from 'vitest/config';

// Tests under test/system start hundreds of processes and take minutes: `npm run test:system` runs them, and them only.
const system = process.env.FLATNET_SYSTEM === '1';

export default defineConfig({
  test: {
    include: [system ? '**/system/**/*.test.ts' : '**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(system ? [] : ['**/system/**'])],
    passWithNoTests: false,
    // The default leaves a core idle.
    maxWorkers: 2,
    // The files share a process and its modules: to load them anew for each file takes longer than most tests.
    isolate: false,
    testTimeout: 20_000,
  },
});
