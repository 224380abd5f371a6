// One lint configuration for the workspace. The import directions of the architecture stand in libs/testing/layers.json: a
// project's tag (project.json) says which layer it is in, and its sources may import only what the layer's row names.
// Here they are a lint rule for every file under src/; libs/testing/test/import-directions.test.ts checks the same table
// over Nx's project graph, where dynamic imports and declared dependencies count too.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import tseslint from 'typescript-eslint';

const readJson = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const layers = readJson('libs/testing/layers.json');
const folders = ['libs', 'plugins'].flatMap((group) =>
  readdirSync(new URL(group, import.meta.url)).map((name) => `${group}/${name}`),
);
const projects = folders
  .filter((folder) => existsSync(new URL(`${folder}/project.json`, import.meta.url)))
  .map((folder) => ({
    folder,
    packageName: readJson(`${folder}/package.json`).name,
    layer: readJson(`${folder}/project.json`).tags[0].replace('layer:', ''),
  }));

const directions = projects.map(({ folder, packageName, layer }) => {
  const row = layers[layer];
  const allowed = projects.filter((other) => row.layers.includes(other.layer)).map((other) => other.packageName);
  const names = ['\\.', 'node:', ...[...allowed, ...row.packages].map((name) => `${name}(?:/|$)`)].join('|');
  const message = `${packageName} is in layer "${layer}", which may not import this (libs/testing/layers.json).`;
  const elsewhere = { regex: '\\.\\./.*/src/', message: 'Other projects are imported by their package name.' };
  const forbidden = `^(?!${names})`;
  const selector = `ImportExpression[source.value=/${forbidden.replaceAll('/', '\\u002F')}/]`;
  return {
    files: [`${folder}/src/**/*.ts`],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: forbidden, message }, elsewhere] }],
      'no-restricted-syntax': ['error', { selector, message }],
    },
  };
});

const CODE = { skipBlankLines: true, skipComments: true };

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '**/.nx/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    // The types are asked for promises that are forgotten: an unhandled rejection ends a command half way.
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  ...directions,
  // One idea a file. Blank lines and comments do not count.
  { files: ['**/*.ts'], rules: { 'max-lines': ['error', { max: 300, ...CODE }] } },
  {
    files: ['{libs,plugins}/*/src/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 200, ...CODE }],
      'max-lines-per-function': ['error', { max: 65, ...CODE }],
    },
  },
  // One fake of one kernel; one ruleset with every expression that is used.
  { files: ['libs/kernel/src/fake-rtnetlink.ts', 'libs/netlink/test/nft/ruleset.ts'], rules: { 'max-lines': 'off' } },
);
