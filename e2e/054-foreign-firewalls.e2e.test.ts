// Beside firewalls of other programs whose FORWARD drops what it does not know: Docker's and ufw's policy, by both kinds of iptables.
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { gatewayOf, type NetworkName, type Place, PolicyLab } from './policy-lab.ts';

const host = useSandbox();
let lab: PolicyLab;
const attached: [Place, NetworkName][] = [];
beforeAll(async () => {
  lab = await PolicyLab.open(host.sandbox);
});
afterEach(async () => {
  for (const [place, network] of attached.splice(0)) await lab.del(place, network);
  for (const program of PROGRAMS) await host.sandbox.run(program, ['-P', 'FORWARD', 'ACCEPT']);
  await host.sandbox.run('nft', ['flush', 'ruleset']);
});
const add = async (place: Place, network: NetworkName, published: readonly object[] = []): Promise<void> => {
  attached.push([place, network]);
  await lab.add(place, network, { published: published as never });
};
const PROGRAMS = ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy'];
const saved = async (programs: readonly string[]): Promise<string> => {
  const listed = await Promise.all(programs.map((program) => host.sandbox.must(program, ['-S'])));
  return listed.join('');
};

describe.each([
  ['iptables-nft', ['iptables-nft', 'ip6tables-nft']],
  ['iptables-legacy', ['iptables-legacy', 'ip6tables-legacy']],
])('%s drops what it does not know', (_name, programs) => {
  it('out, answers and published ports pass, the rest does not; nothing is left after DEL', async () => {
    const { sandbox } = host;
    for (const program of programs) await sandbox.must(program, ['-P', 'FORWARD', 'DROP']);
    const before = await saved(programs);
    lab.configure('a', {});
    lab.configure('b', { backend: 'nftables' });
    await add('a1', 'a', [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]);
    await add('a2', 'a');
    await add('b1', 'b');
    const expected = { 'a1>out': 'yes', 'a1>a2': 'yes', 'out>a1': 'silent', 'host>a1': 'yes', 'b1>out': 'silent' };
    expect(await lab.matrix('a1>out', 'a1>a2', 'out>a1', 'host>a1', 'b1>out')).toEqual(expected);
    for (const address of ['192.0.2.1', 'fd99::1'])
      expect([address, await lab.ask('out', address, 8080)]).toEqual([address, 'yes']);
    expect(await lab.ask('a2', gatewayOf('a', 4), 8080)).toBe('yes');
    await lab.check('a1', 'a');
    // What another program flushes is told by CHECK, and comes back with the next ADD.
    for (const program of programs) await sandbox.must(program, ['-F', 'FLATNET-FORWARD']);
    expect((await lab.call('CHECK', 'a1', 'a')).stdout).toContain('FLATNET-FORWARD -i br-a -j ACCEPT');
    await lab.repeat('a1', 'a');
    await lab.check('a1', 'a');
    expect(await lab.matrix('a1>out')).toEqual({ 'a1>out': 'yes' });
    // Rules of the operator's in our chain keep it.
    for (const [place, network] of attached.splice(0)) await lab.del(place, network);
    expect(await saved(programs)).toBe(before);
  });
});

it('without a policy that drops no program is run and no rule is written', async () => {
  for (const program of PROGRAMS) await host.sandbox.must(program, ['-S']);
  const before = await saved(PROGRAMS);
  lab.configure('a', {});
  await add('a1', 'a');
  expect(await saved(PROGRAMS)).toBe(before);
  expect(await lab.matrix('a1>out', 'out>a1')).toEqual({ 'a1>out': 'yes', 'out>a1': 'yes' });
});
