// Real sockets through published ports, in private namespaces. Needs root; refuses to be skipped in CI.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLab, type Lab } from './fixture.ts';

const root = process.getuid?.() === 0;
if (!root && process.env['CI']) throw new Error('the system tests of flatnet-portmap need root');
const system = root ? describe : describe.skip;

const WEB = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };
const DNS = { hostPort: 5353, containerPort: 53, protocol: 'UDP' };

system('published ports, with real sockets', { timeout: 120_000 }, () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await openLab()), 120_000);
  afterAll(async () => lab?.sandbox.close());
  const ok = async (...args: Parameters<Lab['cni']>): Promise<void> => {
    const { exitCode, stdout } = await lab.cni(...args);
    expect(stdout.includes('"code"') ? stdout : exitCode).toBe(0);
  };
  const ruleset = () => lab.sandbox.must('nft', ['list', 'table', 'inet', 'flatnet_hostport']);

  it('answers from every direction, tcp and udp, IPv4 and IPv6', async () => {
    await ok('ADD', 'c2', [WEB, DNS]);
    const own = ['192.0.2.1', '10.9.0.1', 'fd99::1', 'fd9::1'].flatMap((a) => [`tcp ${a} 8080`, `udp ${a} 5353`]);
    for (const from of [undefined, 'c3', 'c2', 'x2']) {
      const answers = await lab.ask(from, ...own);
      expect({ from, answers: answers.map((answer) => answer.split(' ')[0]) }).toEqual({
        from,
        answers: own.map(() => 'c2'),
      });
    }
    expect(await lab.ask(undefined, 'tcp 127.0.0.1 8080', 'udp 127.0.0.1 5353')).toEqual([
      'c2 10.9.0.1',
      'c2 10.9.0.1',
    ]);
    // The client's address survives where nothing forces a translation.
    expect(await lab.ask('out', 'tcp 192.0.2.1 8080', 'tcp fd99::1 8080')).toEqual(['c2 192.0.2.9', 'c2 fd99::9']);
    await ok('CHECK', 'c2', [WEB, DNS]);
  });

  it('refuses a held port with its owner named, also between all addresses and one', async () => {
    const refused = await lab.cni('ADD', 'c3', [WEB]);
    expect(JSON.parse(refused.stdout)).toMatchObject({ code: 100, msg: expect.stringContaining('container c2') });
    const one = await lab.cni('ADD', 'c3', [{ ...WEB, hostIP: '192.0.2.1' }]);
    expect(JSON.parse(one.stdout)).toMatchObject({ code: 100 });
    await ok('ADD', 'c3', [{ ...WEB, hostPort: 8081, hostIP: '192.0.2.1' }]);
    const all = await lab.cni('ADD', 'x2', [{ ...WEB, hostPort: 8081 }]);
    expect(JSON.parse(all.stdout)).toMatchObject({ code: 100, msg: expect.stringContaining('container c3') });
    await ok('ADD', 'x2', [{ ...WEB, hostPort: 8081, hostIP: '127.0.0.1' }]);
    expect((await lab.ask(undefined, 'tcp 192.0.2.1 8081', 'tcp 127.0.0.1 8081')).map((a) => a.split(' ')[0])).toEqual([
      'c3',
      'x2',
    ]);
    await ok('DEL', 'c3', []);
    await ok('DEL', 'x2', []);
    expect((await lab.ask(undefined, 'tcp 192.0.2.1 8080'))[0]).toMatch(/^c2/);
  });

  it('a container that takes over a UDP port gets the next datagram of a flow that has begun', async () => {
    expect(await lab.ask('out', 'udp 192.0.2.1 5353')).toEqual(['c2 192.0.2.9']);
    await ok('DEL', 'c2', []);
    await ok('ADD', 'c3', [DNS]);
    expect(await lab.ask('out', 'udp 192.0.2.1 5353')).toEqual(['c3 192.0.2.9']);
    await ok('DEL', 'c3', []);
  });

  it('a repeated ADD programs the difference, and survives a flushed ruleset', async () => {
    await ok('ADD', 'c2', [WEB]);
    await ok('ADD', 'c2', [{ ...WEB, hostPort: 8088 }]);
    expect(await lab.ask('out', 'tcp 192.0.2.1 8088', 'tcp 192.0.2.1 8080')).toEqual(['c2 192.0.2.9', 'ECONNREFUSED']);
    await lab.sandbox.must('nft', ['flush', 'ruleset']);
    expect((await lab.cni('CHECK', 'c2', [{ ...WEB, hostPort: 8088 }])).stdout).toContain('"code":102');
    await ok('ADD', 'c2', [{ ...WEB, hostPort: 8088 }]);
    await ok('CHECK', 'c2', [{ ...WEB, hostPort: 8088 }]);
    await lab.sandbox.must('nft', ['flush', 'ruleset']);
    await ok('DEL', 'c2', []);
  });

  it('leaves transit traffic alone, has the guard of 127.0.0.0/8, and obeys allowFrom and the admin chain', async () => {
    await ok('ADD', 'c2', [{ ...WEB, hostPort: 80 }], { allowFrom: '192.0.2.0/24' });
    // From outside to x2's own port 80: transit, not for an address of the host.
    expect((await lab.ask('out', 'tcp 10.10.0.2 80', 'tcp 192.0.2.1 80')).map((a) => a.split(' ')[0])).toEqual([
      'x2',
      'c2',
    ]);
    expect(await lab.ask('x2', 'tcp 192.0.2.1 80')).toEqual(['TIMEOUT']);
    await lab.sandbox.must('nft', [
      'add',
      'rule',
      'inet',
      'flatnet_hostport',
      'admin',
      'ip',
      'saddr',
      '192.0.2.9',
      'drop',
    ]);
    expect(await lab.ask('out', 'tcp 192.0.2.1 80')).toEqual(['TIMEOUT']);
    await ok('ADD', 'c2', [WEB]);
    expect(await ruleset()).toContain('ip saddr 192.0.2.9 drop');
    expect(await ruleset()).toContain('iifname @localnet ip daddr 127.0.0.0/8 drop');
    await ok('DEL', 'c2', []);
    expect(await ruleset()).not.toMatch(/comment "flatnet/);
  });
});
