// One lint configuration for the workspace. The import directions of the architecture are the depConstraints below:
// a project's tag says which layer it is in, and a layer may import only what its row names (npm packages included).
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

const layer = (tag, projects, packages) => ({
  sourceTag: `layer:${tag}`,
  onlyDependOnLibsWithTags: projects.map((project) => `layer:${project}`),
  allowedExternalImports: ['node:*', ...packages],
});

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allow: [],
          depConstraints: [
            layer('pure', ['pure'], ['ip-num']),
            layer('protocol', ['pure'], ['zod']),
            layer('exec', [], ['execa']),
            layer('effect', ['pure', 'exec'], ['proper-lockfile']),
            layer('harness', ['pure', 'protocol', 'exec', 'harness'], []),
            layer('plugin', ['pure', 'protocol', 'exec', 'effect', 'harness'], ['zod']),
            layer('image', ['plugin', 'harness'], []),
            layer('testing', ['pure', 'protocol', 'exec', 'effect', 'harness', 'testing'], ['vitest', 'execa', 'fast-check']),
          ],
        },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
);
