import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

/** A program whose second setns fails: the way home. Strips types by itself, so it is plain JavaScript but for the imports. */
const program = (netns: string): string => `
  import { withNetns } from '${import.meta.dirname}/../src/netns.ts';
  import { openNodeSys } from '${import.meta.dirname}/../src/node.ts';
  const sys = openNodeSys();
  let calls = 0;
  const lost = { ...sys, setns: (fd, type) => { if (++calls === 2) throw new Error('EPERM'); sys.setns(fd, type); } };
  try { withNetns(lost, '${netns}', () => undefined); } catch {}
  console.log('went on');
`;

it('a process that cannot leave a container is killed before it does anything else', () => {
  const esbuild = spawnSync(
    process.execPath,
    [
      `${import.meta.dirname}/../../../node_modules/esbuild/bin/esbuild`,
      '--bundle',
      '--platform=node',
      '--format=esm',
      '--loader=ts',
    ],
    { input: program('/proc/self/ns/net'), encoding: 'utf8', cwd: import.meta.dirname },
  );
  expect(esbuild.status, esbuild.stderr).toBe(0);
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', esbuild.stdout], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  });
  expect({ signal: result.signal, stdout: result.stdout }).toEqual({ signal: 'SIGKILL', stdout: '' });
  expect(result.stderr).toContain('killed: the thread cannot leave a network namespace');
});
