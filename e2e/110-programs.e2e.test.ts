/** Which programs a call executes: each costs milliseconds, so none comes in unnoticed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, callPlugin, chainOf, type Conflist, type Json } from '@flatnet/testing';
import { expect, it } from 'vitest';
import { useSandbox, withNetns } from './fixture.ts';

const host = useSandbox();

const listOf = (options: Json): Conflist => ({
  cniVersion: '1.0.0',
  name: 'counted',
  plugins: [
    {
      type: 'flatnet',
      ...{ ipam: { type: 'flatnet-ipam', subnet: '10.89.1.0/24', gateway: '10.89.1.1' }, ...options },
    },
    { type: 'flatnet-portmap', capabilities: { portMappings: true } },
  ],
});

/** [options, most programs of ADD, of DEL] of the chain with masquerade and one published port. */
const MOST: readonly (readonly [Json, number, number])[] = [
  [{}, 3, 3],
  [{ antiSpoof: true }, 3, 3],
];

it.each(MOST)(
  'the chain with %j executes %i programs for ADD, %i for DEL, and no more',
  async (options, forAdd, forDel) => {
    const { sandbox } = host;
    const trace = join(sandbox.folder, 'execve');
    const under = ['strace', '-f', '--seccomp-bpf', '-qq', '-A', '-o', trace, '-e', 'trace=execve'];
    const attachment = (containerId: string, netns: string, hostPort: number) => ({
      ...{ containerId, netns, ifName: 'eth0' },
      capabilities: { portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp' }] },
    });
    const executed = async (work: () => Promise<unknown>): Promise<readonly string[]> => {
      await sandbox.run('rm', ['-f', trace]);
      await work();
      const lines = readFileSync(trace, 'utf8').split('\n');
      return lines.flatMap((line) => (/execve\("([^"]+)".* = 0$/.exec(line) ?? []).slice(1, 2));
    };
    await withNetns(sandbox, ['one', 'two'], async ([one, two]) => {
      const chain = chainOf(sandbox, listOf(options));
      await chain.add(attachment('one', one!, 8091));
      const second = { ...attachment('two', two!, 8092), under };
      const add = await executed(() => chain.add(second));
      const del = await executed(() => chain.del(second));
      await chain.del(attachment('one', one!, 8091));
      const plugins = (paths: readonly string[]): string[] => paths.filter((path) => path.includes('flatnet'));
      expect(plugins(add).map((path) => path.split('/').at(-1))).toEqual([
        'flatnet',
        'flatnet-ipam',
        'flatnet-portmap',
      ]);
      expect(add.length, `ADD: ${add.join(' ')}`).toBeLessThanOrEqual(forAdd);
      expect(del.length, `DEL: ${del.join(' ')}`).toBeLessThanOrEqual(forDel);
    });
  },
);

it('a host without ip, nft, sysctl or conntrack: the first ADD of the host, CHECK, STATUS, and DEL of everything', async () => {
  const { sandbox } = host;
  const under = ['env', 'PATH=/nonexistent', 'FLATNET_TOOL_PATH=/nonexistent'];
  await withNetns(sandbox, ['one'], async ([netns]) => {
    const options = { antiSpoof: true, clampMSS: true, ipMasq: true, isDefaultGateway: true };
    const list = { ...listOf(options), cniVersion: '1.1.0' };
    const chain = chainOf(sandbox, list);
    const attachment = {
      ...{ containerId: 'one', netns: netns!, ifName: 'eth0', under },
      capabilities: { portMappings: [{ hostPort: 8093, containerPort: 80, protocol: 'tcp' }] },
    };
    await chain.add(attachment);
    await chain.check(attachment);
    const config = { cniVersion: '1.1.0', name: list.name, ...list.plugins[0]! };
    const status = await callPlugin(sandbox, { plugin: `${BIN}/flatnet`, verb: 'STATUS', config, under });
    expect(status, status.stdout).toMatchObject({ exitCode: 0, stdout: '' });
    await chain.del(attachment);
  });
});
