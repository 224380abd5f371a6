import { renderResult } from '@flatnet/cni';
import { describe, expect, it } from 'vitest';
import { attachmentNames } from '../src/naming.ts';
import { restore, type Recorded } from '../src/restore.ts';
import { CONF, NETNS, World } from './world.ts';

const { hostVeth } = attachmentNames('net', { containerId: 'c1', ifName: 'eth0' });

async function attached(): Promise<{ world: World; recorded: Recorded; bridge: string }> {
  const world = new World();
  const result = await world.add();
  const bridge = result.interfaces[0]?.name ?? '';
  const recorded: Recorded = {
    ...{ network: 'net', containerId: 'c1', ifName: 'eth0', netns: NETNS, args: new Map(), cniVersion: '1.1.0' },
    ...{ config: CONF, result: renderResult(result, '1.1.0') },
  };
  return { world, recorded, bridge };
}

describe('restore', () => {
  it('changes nothing where nothing is wrong', async () => {
    const { world, recorded } = await attached();
    const before = world.kernel.calls.length;
    expect(await restore(recorded, world.kernel)).toEqual({ mended: [], left: [] });
    const words = world.kernel.calls.slice(before).map((call) => call.words);
    expect(words.filter((each) => !/^(look at|list) /.test(each))).toEqual([]);
  });

  it('makes a deleted bridge anew, with the MAC, the address and the port that it had', async () => {
    const { world, recorded, bridge } = await attached();
    const { rtnetlink } = world.kernel;
    const { mac } = rtnetlink.findLink(bridge) ?? {};
    rtnetlink.in('').delete(bridge);
    const { mended, left } = await restore(recorded, world.kernel);
    expect(left).toEqual([]);
    expect(mended).toContainEqual(expect.stringContaining(`bridge ${bridge} is missing`));
    expect(rtnetlink.findLink(bridge)).toMatchObject({ mac, up: true });
    expect(rtnetlink.findLink(hostVeth)).toMatchObject({ master: bridge, up: true });
    expect(rtnetlink.listAddresses(bridge)).toMatchObject([{ address: '10.87.1.1' }]);
  });

  it('leaves a foreign link under the name of the host end', async () => {
    const { world, recorded, bridge } = await attached();
    const { rtnetlink } = world.kernel;
    rtnetlink.in('').delete(hostVeth);
    rtnetlink.in('').delete(bridge);
    rtnetlink.add('', hostVeth, 'veth', { alias: 'mine' });
    expect((await restore(recorded, world.kernel)).mended).toEqual([]);
    expect(rtnetlink.findLink(bridge)).toBeUndefined();
  });
});
