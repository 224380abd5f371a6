// Every conflist of configs/ is installed, listed by Podman and runs a chain: what the README points to works as it is.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { chainOf } from '@flatnet/testing';
import { describe, expect, it } from 'vitest';
import { addressesIn, expectPing, ipsOf, readConflist, useSandbox, withNetns } from './fixture.ts';
import { openPodman } from './podman.ts';

const host = useSandbox();
const files = readdirSync(join(import.meta.dirname, '../configs')).filter((file) => file.endsWith('.conflist'));

describe('configs', () => {
  it.each(files)('%s runs ADD, CHECK and DEL', async (file) => {
    const { sandbox } = host;
    const chain = chainOf(sandbox, readConflist(file));
    await withNetns(sandbox, ['one'], async ([netns]) => {
      const attachment = { containerId: 'one', ifName: 'eth0', netns: netns! };
      const result = await chain.add(attachment);
      expect(await addressesIn(sandbox, 'one', 'eth0')).toEqual(ipsOf(result));
      for (const { gateway } of result['ips'] as { gateway: string }[]) await expectPing(sandbox, 'one', gateway);
      await chain.check(attachment);
      await chain.del(attachment);
    });
  });

  it('are all listed by Podman', async () => {
    const podman = await openPodman(host.sandbox);
    for (const file of files) podman.install(file);
    const listed = (await podman.must('network', 'ls', '--format', '{{.Name}}')).split('\n');
    for (const file of files) expect(listed).toContain(readConflist(file).name);
  });
});
