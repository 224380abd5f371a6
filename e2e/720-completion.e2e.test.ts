// The scripts of `flatnetctl completion` in the shells that they are for: a key is pressed, and the line is what comes of it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN } from '@flatnet/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { operatorOf, type Operator } from './operator.ts';

const host = useSandbox();
const inside = (name: string): string => join(host.sandbox.folder, name);
const environment = (): Record<string, string> => ({
  PATH: `${BIN}:/usr/sbin:/usr/bin:/sbin:/bin`,
  NETCONFPATH: inside('net.d'),
  HOME: host.sandbox.folder,
  TERM: 'dumb',
  LC_ALL: 'C.UTF-8',
});
let ctl: Operator;

beforeAll(async () => {
  ctl = operatorOf(host.sandbox, inside('net.d'));
  await ctl.must('network', 'create', 'shop');
  mkdirSync(inside('site-functions'));
  writeFileSync(inside('a-file'), '');
  for (const shell of ['bash', 'zsh', 'fish']) writeFileSync(inside(`c.${shell}`), await ctl.must('completion', shell));
  writeFileSync(inside('site-functions/_flatnetctl'), await ctl.must('completion', 'zsh'));
});

/** A line, and the same line after a TAB. */
const LINES: [string, string][] = [
  ['flatnetctl netw', 'flatnetctl network '],
  ['flatnetctl network ins', 'flatnetctl network inspect '],
  ['flatnetctl network inspect ', 'flatnetctl network inspect shop '],
  ['flatnetctl network create x --isol', 'flatnetctl network create x --isolate '],
  ['flatnetctl network graph --format s', 'flatnetctl network graph --format svg '],
  ['flatnetctl logs --file a-', 'flatnetctl logs --file a-file '],
];

describe('bash', () => {
  it('completes', async () => {
    for (const [line, wanted] of LINES.filter(([each]) => !each.includes('--file'))) {
      const words = line.split(' ');
      const script = `source ${inside('c.bash')}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _flatnetctl; printf '%s ' "\${COMPREPLY[@]}"`;
      const said = await host.sandbox.must('bash', ['-c', script, 'bash', ...words], { env: environment() });
      expect([...words.slice(0, -1), said].join(' '), line).toBe(wanted);
    }
  });
});

describe('zsh', () => {
  /** An interactive zsh in a terminal of its own. `^X` shows the line in angle brackets. */
  const driver = (load: string): string => String.raw`
    zmodload zsh/zpty
    zpty terminal zsh -f -i
    zpty -w terminal '${load}; show() { print -r -- "<<""$BUFFER>>"; BUFFER=; zle -I }; zle -N show; bindkey "^X" show; bindkey "^I" complete-word; print re""ady'
    zpty -r terminal said '*ready*' || exit 1
    for line in "$@"; do
      zpty -w -n terminal "$line"$'\t'$'\x18'
      zpty -r terminal said '*<<*>>*' || exit 1
      print -r -- "$said"
    done
    zpty -d terminal`;

  it.each([
    ['sourced', () => `autoload -Uz compinit; compinit -u -D; source ${inside('c.zsh')}`],
    ['as a file of fpath', () => `fpath=(${inside('site-functions')} $fpath); autoload -Uz compinit; compinit -u -D`],
  ])('completes, %s, from the first TAB on', async (_, load) => {
    const lines = LINES.map(([line]) => line);
    const script = `cd ${host.sandbox.folder}; ${driver(load())}`;
    const said = await host.sandbox.must('zsh', ['-f', '-c', script, 'zsh', ...lines], {
      env: environment(),
      timeoutMs: 90_000,
    });
    const shown = [...said.matchAll(/<<([^<>]*)>>/g)].map(([, line]) => line);
    expect(shown, JSON.stringify(said)).toEqual(LINES.map(([, wanted]) => wanted));
  });
});

describe('fish', () => {
  it('completes with candidates alone, and with file names where there are none', async () => {
    const script = `cd ${host.sandbox.folder}; source ${inside('c.fish')}; for line in $argv; complete -C $line | string replace -r '\\t.*' ''; echo .; end`;
    const lines = LINES.map(([line]) => line);
    const said = await host.sandbox.must('fish', ['--no-config', '-c', script, ...lines], {
      env: environment(),
      timeoutMs: 90_000,
    });
    const wanted = LINES.map(([, line]) => line.trimEnd().split(' ').at(-1));
    expect(said.split('\n')).toEqual([...wanted.flatMap((word) => [word, '.']), '']);
  });
});
