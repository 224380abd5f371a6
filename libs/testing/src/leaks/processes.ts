import type { Fact } from './fact.ts';

/**
 * Programs that run inside, but its first process and what was entered from outside, as the test's own programs are.
 *
 * @param listed lines `/proc/PID/stat:…`, as `grep -s . /proc/[0-9]*\/stat` prints them.
 */
export const processFacts = (listed: readonly string[]): Fact[] =>
  listed.flatMap((line) => {
    const [, pid, name, parent] = /^\/proc\/\d+\/stat:(\d+) \((.*)\) \S (\d+) /.exec(line) ?? [];
    if (pid === undefined || pid === '1' || parent === '0') return [];
    return [{ kind: 'process', text: `${pid} ${name}` }];
  });
