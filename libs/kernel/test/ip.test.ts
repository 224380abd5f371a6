import type { RunResult } from '@flatnet/exec';
import { expect, it } from 'vitest';
import { applyIp, applySysctls, findLink, ipCommand, queryIp, type Kernel } from '../src/index.ts';
import { FakeKernel } from '../src/testing.ts';

const answering = (...answers: Partial<RunResult>[]): Kernel & { count: number } => {
  const kernel = {
    count: 0,
    proc: new FakeKernel().proc,
    run: async (): Promise<RunResult> => {
      const answer = answers[Math.min(kernel.count++, answers.length - 1)];
      return { exitCode: 0, stdout: '', stderr: '', ending: 'exit', ...answer };
    },
  };
  return kernel;
};

it.each([
  ['RTNETLINK answers: File exists\nCommand failed -:2', 'exists', 1],
  ['Cannot find device "x"\nCommand failed -:1', 'not-found', 0],
  ['RTNETLINK answers: Device or resource busy\nCommand failed -:3', 'busy', 2],
  ['RTNETLINK answers: Exchange full\nCommand failed -:3', 'failed', 2],
  ['', 'failed', undefined],
])('says of %j that it is %s', async (stderr, kind, failed) => {
  await expect(applyIp(answering({ exitCode: 1, stderr }), 'try', [['link']])).rejects.toMatchObject({ kind, failed });
});

it.each([['timeout'], ['overflow'], ['aborted']] as const)('classifies an ip that ended by %s', async (ending) => {
  await expect(applyIp(answering({ exitCode: null, ending }), 'try', [['link']])).rejects.toMatchObject({
    kind: ending,
  });
});

it('repeats a listing that a concurrent change has cut, and gives what there is after five tries', async () => {
  const cut = { stdout: '[]', stderr: 'Dump was interrupted and may be inconsistent.\n' };
  const healed = answering(cut, { stdout: '[{"ifname":"a"}]' });
  expect(await queryIp(healed, 'list', ['link'])).toEqual([{ ifname: 'a' }]);
  const never = answering(cut);
  await queryIp(never, 'list', ['link']);
  expect(never.count).toBe(5);
});

it.each(['garbage', '{}', '"x"'])('refuses a listing that is %j', async (stdout) => {
  await expect(queryIp(answering({ stdout }), 'list', ['link'])).rejects.toMatchObject({ kind: 'failed' });
});

it('runs nothing for no commands', async () => {
  const kernel = answering({});
  await applyIp(kernel, 'try', []);
  await applySysctls(kernel, '/run/netns/a', {});
  expect(kernel.count).toBe(0);
});

it('enters a named netns with one process, any other with nsenter', () => {
  expect(ipCommand(['-batch', '-'], '/var/run/netns/a-1')).toEqual(['ip', ['-n', 'a-1', '-batch', '-']]);
  expect(ipCommand(['a'], '/proc/7/ns/net')).toEqual(['nsenter', ['--net=/proc/7/ns/net', '--', 'ip', 'a']]);
  expect(ipCommand(['a'], '/run/netns/-h')[0]).toBe('nsenter');
  expect(ipCommand(['a'])).toEqual(['ip', ['a']]);
});

it('finds no link that is not there', async () => {
  expect(await findLink(new FakeKernel(), 'eth9')).toBeUndefined();
});
