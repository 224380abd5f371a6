// Beside Debian's real ufw and firewalld: what has to pass passes, before and after their reload, and nothing stays in them.
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import {
  EXPECTED,
  firewalld,
  flushOnReload,
  layOverFirewalls,
  passages,
  restartFirewalld,
  ufw,
  zones,
} from './foreign-lab.ts';
import { type Operator, operatorOf } from './operator.ts';
import { type NetworkName, type Place, PolicyLab } from './policy-lab.ts';

const host = useSandbox();
let lab: PolicyLab;
let ctl: Operator;
const attached: [Place, NetworkName][] = [];
beforeAll(async () => {
  await layOverFirewalls(host.sandbox);
  lab = await PolicyLab.open(host.sandbox);
  ctl = operatorOf(host.sandbox, join(host.sandbox.folder, 'net.d'));
});
const detachAll = async (): Promise<void> => {
  for (const [place, network] of attached.splice(0)) await lab.del(place, network);
};
const add = async (place: Place, network: NetworkName): Promise<void> => {
  attached.push([place, network]);
  const port = { containerPort: 80, protocol: 'tcp' };
  const published = [
    { ...port, hostPort: 8080 },
    { ...port, hostPort: 8081, hostIP: '127.0.0.1' },
  ];
  await lab.add(place, network, place === 'a1' ? { published } : {});
};

// firewalld is slow to start and to reload.
const isSystem = process.env['FLATNET_SYSTEM'] === '1';

describe.each(isSystem ? [ufw, firewalld] : [ufw])('$name', (foreign) => {
  afterEach(async () => {
    await detachAll();
    await foreign.stop(host.sandbox);
  });

  it('out, published, localhost and siblings pass, nothing else from outside; nothing stays after DEL', async () => {
    const { sandbox } = host;
    await flushOnReload(sandbox, false);
    await foreign.start(sandbox);
    const before = await foreign.state(sandbox);
    lab.configure('a', {});
    await add('a1', 'a');
    await add('a2', 'a');
    expect(await passages(lab)).toEqual(EXPECTED);
    await foreign.reload(sandbox);
    expect(await passages(lab)).toEqual(EXPECTED);
    await lab.check('a1', 'a');
    await detachAll();
    expect(await foreign.state(sandbox)).toBe(before);
  });
});

const zone = (): Promise<string> => zones(host.sandbox, 'getZoneOfInterface', 'br-a');
const slowly = isSystem ? it : () => undefined;

slowly(
  'a zone that changes is left, the operator keeps theirs, and what a reload or a start forgets comes back',
  async () => {
    const { sandbox } = host;
    await flushOnReload(sandbox, true);
    await firewalld.start(sandbox);
    const before = await firewalld.state(sandbox);
    lab.configure('a', { firewalldZone: 'internal' });
    await add('a1', 'a');
    expect(await zone()).toBe('s "internal"');
    lab.configure('a', {});
    expect(await lab.repeat('a1', 'a')).toMatchObject({ exitCode: 0 });
    expect(await zone()).toBe('s "trusted"');
    for (const forget of [firewalld.reload, restartFirewalld]) {
      await forget(sandbox);
      expect((await lab.call('CHECK', 'a1', 'a')).stdout).toContain('firewalld has no device br-a in zone trusted');
      await ctl.must('rules', 'reload');
      expect([await zone(), await lab.matrix('a1>out', 'out>a1')]).toEqual([
        's "trusted"',
        { 'a1>out': 'yes', 'out>a1': 'silent' },
      ]);
    }
    await detachAll();
    expect(await firewalld.state(sandbox)).toBe(before);

    await zones(sandbox, 'addInterface', 'work', 'br-a');
    await add('a1', 'a');
    expect(await lab.call('CHECK', 'a1', 'a')).toMatchObject({ exitCode: 0 });
    await detachAll();
    expect(await zone()).toBe('s "work"');
    await firewalld.stop(sandbox);
  },
);
