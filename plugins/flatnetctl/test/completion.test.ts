import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeWorld } from './fake-world.ts';

const texts = (out: string): string[] => out.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0]!]));

test('candidates are commands, options, choices and networks, by what was typed', async () => {
  const { ctl } = fakeWorld();
  await ctl('network', 'create', 'web');
  await ctl('network', 'create', 'db');
  const complete = async (...words: string[]) => texts((await ctl('__complete', '--', ...words)).out);
  expect(await complete('netw')).toEqual(['network']);
  expect(await complete('network', 'i')).toEqual(['inspect']);
  expect(await complete('network', 'inspect', '')).toEqual(['db', 'web']);
  expect(await complete('network', 'rm', '--force', 'd')).toEqual(['db']);
  expect(await complete('network', 'create', '')).toEqual([]);
  expect(await complete('network', 'create', 'x', '--isol')).toEqual(['--isolate']);
  expect(await complete('network', 'graph', '--format', 's')).toEqual(['svg']);
  expect(await complete('attach', 'w')).toEqual(['web']);
  expect(await complete('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  // A file name: the shell's own completion.
  expect(await complete('logs', '--file', '')).toEqual([]);
  expect(await complete('')).not.toContain('__complete');
});

test('bash completes by its script', async () => {
  const { ctl, root } = fakeWorld();
  const bin = join(root, 'bin');
  mkdirSync(bin);
  // Answers with the words that it was asked about.
  writeFileSync(join(bin, 'flatnetctl'), '#!/bin/sh\nshift 2\nfor word; do printf \'<%s>\\tabout\\n\' "$word"; done\n');
  chmodSync(join(bin, 'flatnetctl'), 0o755);
  const { out } = await ctl('completion', 'bash');
  const line = `${out}\nCOMP_WORDS=(flatnetctl network inspect '')\nCOMP_CWORD=3\n_flatnetctl\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
  const said = execFileSync('bash', ['-c', line], { env: { PATH: `${bin}:/usr/bin:/bin` }, encoding: 'utf8' });
  expect(said).toBe('<network>\n<inspect>\n<>\n');
});

test.each(['zsh', 'fish'])('there is a script for %s', async (shell) => {
  const { ctl } = fakeWorld();
  expect((await ctl('completion', shell)).out).toContain('flatnetctl __complete -- ');
});
