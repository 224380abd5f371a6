// Packets and sockets through published ports: every direction, both families, and what must not get through.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { type Lab, openLab, type Place } from './ports-lab.ts';
import { sctpInit } from './sctp.ts';

const host = useSandbox();
let lab: Lab;
beforeAll(async () => void (lab = await openLab(host.sandbox)), 240_000);

const WEB = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };
const DNS = { hostPort: 5353, containerPort: 53, protocol: 'UDP' };
const OWN = ['192.0.2.1', '10.9.0.1', '10.10.0.1', 'fd99::1', 'fd09::1', 'fd10::1'];

// Also after a failed test, so that the leak check speaks of that test only.
afterEach(async () => {
  for (const name of ['c2', 'c3', 'x2']) await lab.ok('DEL', name, []);
});

describe('published ports', { timeout: 240_000 }, () => {
  it('answer from every direction, TCP and UDP, IPv4 and IPv6', async () => {
    await lab.ok('ADD', 'c2', [WEB, DNS]);
    const questions = OWN.flatMap((address) => [`tcp ${address} 8080`, `udp ${address} 5353`]);
    // The host, a machine outside, a sibling, the container itself (hairpin), a container on another network.
    for (const from of ['host', 'out', 'c3', 'c2', 'x2'] as const satisfies readonly Place[]) {
      expect({ from, answers: await lab.who(from, ...questions) }).toEqual({
        from,
        answers: questions.map(() => 'c2'),
      });
    }
    expect(await lab.ask('host', 'tcp 127.0.0.1 8080', 'udp 127.0.0.1 5353')).toEqual(['c2 10.9.0.1', 'c2 10.9.0.1']);
    // The client's address survives where nothing forces a translation.
    expect(await lab.ask('out', 'tcp 192.0.2.1 8080', 'tcp fd99::1 8080')).toEqual(['c2 192.0.2.9', 'c2 fd99::9']);
    expect(await lab.ask('x2', 'tcp 10.10.0.1 8080')).toEqual(['c2 10.10.0.2']);
    await lab.ok('CHECK', 'c2', [WEB, DNS]);
    await lab.ok('DEL', 'c2', [WEB, DNS]);
    expect(await lab.ask('out', 'tcp 192.0.2.1 8080')).toEqual(['ECONNREFUSED']);
  });

  it('listen on one address, of either family, and on that only', async () => {
    await lab.ok('ADD', 'c2', [
      { ...WEB, hostIP: '192.0.2.1' },
      { ...WEB, hostPort: 8081, hostIP: 'fd99::1' },
      { ...WEB, hostPort: 8082, hostIP: '127.0.0.1' },
    ]);
    expect(await lab.who('out', 'tcp 192.0.2.1 8080', 'tcp fd99::1 8081')).toEqual(['c2', 'c2']);
    expect(await lab.who('host', 'tcp 127.0.0.1 8082')).toEqual(['c2']);
    const closed = ['tcp fd99::1 8080', 'tcp 10.9.0.1 8080', 'tcp 192.0.2.1 8081', 'tcp 192.0.2.1 8082'];
    expect(await lab.who('host', ...closed)).toEqual(closed.map(() => 'ECONNREFUSED'));
    await lab.ok('DEL', 'c2', []);
  });

  it('translate SCTP (packets, since not every kernel has sockets for it)', async () => {
    const { sandbox } = host;
    await lab.ok('ADD', 'c2', [{ hostPort: 9899, containerPort: 99, protocol: 'SCTP' }]);
    const raw = 'use Socket; socket(S, PF_INET, SOCK_RAW, 132) or die $!; $| = 1;';
    // The packet's IP header comes along: 20 bytes, then source and destination port.
    const receive = `${raw} alarm 60; recv(S, my $packet, 2000, 0); print unpack("H*", $packet);`;
    const received = sandbox.inNetns('c2', 'perl', ['-e', receive]);
    const packet = Buffer.from(sctpInit(4321, 9899)).toString('hex');
    const address = 'sockaddr_in(0, inet_aton("192.0.2.1"))';
    // Again and again: whether the receiver is there yet cannot be seen from here.
    const done = join(sandbox.folder, 'sctp-received');
    const loop = `for (1 .. 240) { exit if -e "${done}"; send(S, pack("H*", "${packet}"), 0, ${address}); select(undef, undef, undef, 0.25); }`;
    const send = `${raw} ${loop}`;
    const sender = sandbox.inNetns('out', 'perl', ['-e', send]);
    const bytes = Buffer.from((await received).stdout, 'hex');
    writeFileSync(done, '');
    expect([...bytes.subarray(16, 24)]).toEqual([10, 9, 0, 2, 4321 >> 8, 4321 & 255, 0, 99]);
    await sender;
    await lab.ok('DEL', 'c2', []);
  });

  it('hand the next datagram of a flow that has begun to the container that took the port over', async () => {
    await lab.ok('ADD', 'c2', [DNS]);
    expect(await lab.ask('out', 'udp 192.0.2.1 5353', 'udp fd99::1 5353')).toEqual(['c2 192.0.2.9', 'c2 fd99::9']);
    await lab.ok('DEL', 'c2', []);
    // No program listens: this datagram, too, leaves a tracked flow, which the next ADD has to forget.
    expect(await lab.ask('out', 'udp 192.0.2.1 5353')).not.toEqual(['c2 192.0.2.9']);
    await lab.ok('ADD', 'c3', [DNS]);
    expect(await lab.ask('out', 'udp 192.0.2.1 5353', 'udp fd99::1 5353')).toEqual(['c3 192.0.2.9', 'c3 fd99::9']);
    await lab.ok('DEL', 'c3', []);
  });

  it('forget the flows of their own port only', async () => {
    await lab.ok('ADD', 'c2', [DNS]);
    await lab.ok('ADD', 'x2', [{ ...DNS, hostPort: 5354 }]);
    await lab.ask('out', 'udp 192.0.2.1 5353', 'udp 192.0.2.1 5354');
    await lab.ok('DEL', 'c2', []);
    const flows = await host.sandbox.must('conntrack', ['-L', '-p', 'udp']);
    expect(flows).not.toContain('dport=5353');
    expect(flows).toContain('dport=5354');
    await lab.ok('DEL', 'x2', []);
  });

  it('leave transit traffic to the same port alone (CVE-2025-67499)', async () => {
    await lab.ok('ADD', 'c2', [{ ...WEB, hostPort: 80 }]);
    expect(await lab.who('out', 'tcp 10.10.0.2 80', 'tcp 192.0.2.1 80', 'tcp fd10::2 80')).toEqual(['x2', 'c2', 'x2']);
    expect(await lab.who('c3', 'tcp 10.10.0.2 80')).toEqual(['x2']);
    await lab.ok('DEL', 'c2', []);
  });

  it('keep 127.0.0.0/8 closed to the containers whose bridge has route_localnet (CVE-2020-8558)', async () => {
    const { sandbox } = host;
    await lab.ok('ADD', 'c2', [{ ...WEB, hostIP: '127.0.0.1' }]);
    const read = (link: string) => sandbox.must('cat', [`/proc/sys/net/ipv4/conf/${link}/route_localnet`]);
    expect([await read('br9'), await read('up0'), await read('all')].map((text) => text.trim())).toEqual([
      '1',
      '0',
      '0',
    ]);
    // A neighbour that routes 127.0.0.1 to the bridge, as the attack does; the port answers there for the host itself.
    await sandbox.must('ip', ['-n', 'c3', 'addr', 'del', '127.0.0.1/8', 'dev', 'lo']);
    await sandbox.must('ip', [
      '-n',
      'c3',
      'route',
      'add',
      '127.0.0.1/32',
      'via',
      '10.9.0.1',
      'dev',
      'eth0',
      'src',
      '10.9.0.3',
    ]);
    await sandbox.must('ip', ['netns', 'exec', 'c3', 'sysctl', '-qw', 'net.ipv4.conf.eth0.route_localnet=1']);
    expect(await lab.who('host', 'tcp 127.0.0.1 8080')).toEqual(['c2']);
    expect(await lab.who('c3', 'tcp 127.0.0.1 8080')).toEqual(['TIMEOUT']);
    // Without the guard the attack works: the test is one.
    await sandbox.must('nft', ['flush', 'chain', 'inet', 'flatnet_hostport', 'guard']);
    expect(await lab.who('c3', 'tcp 127.0.0.1 8080')).toEqual(['c2']);
    await sandbox.must('ip', ['-n', 'c3', 'route', 'del', '127.0.0.1/32', 'via', '10.9.0.1']);
    await sandbox.must('ip', ['-n', 'c3', 'addr', 'add', '127.0.0.1/8', 'dev', 'lo']);
    // With the last port the guard goes, and the setting that needs it.
    await lab.ok('DEL', 'c2', []);
    expect(await read('br9')).toBe('0\n');
  });

  it('are for those in allowFrom, and for the host', async () => {
    const extra = { allowFrom: ['192.0.2.0/24', 'fd99::9'] };
    await lab.ok('ADD', 'c2', [WEB, { ...WEB, hostPort: 8081, allowFrom: '10.10.0.0/16' }], { extra });
    expect(await lab.who('out', 'tcp 192.0.2.1 8080', 'tcp fd99::1 8080')).toEqual(['c2', 'c2']);
    expect(await lab.who('x2', 'tcp 192.0.2.1 8081')).toEqual(['c2']);
    expect(await lab.who('host', 'tcp 192.0.2.1 8080', 'tcp 127.0.0.1 8081')).toEqual(['c2', 'c2']);
    expect(await lab.who('x2', 'tcp 192.0.2.1 8080')).toEqual(['TIMEOUT']);
    expect(await lab.who('out', 'tcp 192.0.2.1 8081')).toEqual(['TIMEOUT']);
    await lab.ok('CHECK', 'c2', [WEB, { ...WEB, hostPort: 8081, allowFrom: '10.10.0.0/16' }], { extra });
    await lab.ok('DEL', 'c2', []);
  });

  it('come after the chain "admin", which nothing of ours ever flushes', async () => {
    const { sandbox } = host;
    await lab.ok('ADD', 'c2', [WEB]);
    const rule = 'add rule inet flatnet_hostport admin ip saddr 192.0.2.9 drop';
    await sandbox.must('nft', rule.split(' '));
    expect(await lab.who('out', 'tcp 192.0.2.1 8080')).toEqual(['TIMEOUT']);
    expect(await lab.who('x2', 'tcp 192.0.2.1 8080')).toEqual(['c2']);
    // The base is built anew around it.
    await sandbox.must('nft', ['delete', 'map', 'inet', 'flatnet_hostport', 'limit_any4']).catch(() => undefined);
    await lab.ok('DEL', 'c2', []);
    await lab.ok('ADD', 'c2', [WEB]);
    expect(await lab.table()).toContain('ip saddr 192.0.2.9 drop');
    await lab.ok('DEL', 'c2', []);
    await sandbox.must('nft', ['flush', 'chain', 'inet', 'flatnet_hostport', 'admin']);
  });

  it('show the host as the client with masqAll, and nothing of 127.0.0.1 without snat', async () => {
    await lab.ok('ADD', 'c2', [WEB], { extra: { masqAll: true } });
    expect(await lab.ask('out', 'tcp 192.0.2.1 8080', 'tcp fd99::1 8080')).toEqual(['c2 10.9.0.1', 'c2 fd09::1']);
    await lab.ok('ADD', 'c2', [WEB], { extra: { snat: false } });
    expect(await lab.ask('out', 'tcp 192.0.2.1 8080')).toEqual(['c2 192.0.2.9']);
    await lab.ok('DEL', 'c2', []);
  });

  it('do not come with a way out: ipMasq gives one, with a fixed source address if wanted', async () => {
    const { sandbox } = host;
    await sandbox.must('ip', ['-n', 'out', 'route', 'del', 'default', 'via', '192.0.2.1']);
    await sandbox.must('ip', ['addr', 'add', '192.0.2.7/24', 'dev', 'up0']);
    const seen = async (extra: object): Promise<unknown> => {
      await lab.ok('ADD', 'c2', [], { extra: { ipMasq: true, ...extra } });
      await lab.ok('CHECK', 'c2', [], { extra: { ipMasq: true, ...extra } });
      await sandbox.inNetns('c2', 'busybox', ['ping', '-c', '1', '-W', '15', '192.0.2.9']);
      const flows = await sandbox.must('conntrack', ['-L', '-p', 'icmp']);
      await sandbox.must('conntrack', ['-D', '-p', 'icmp']);
      return /src=192\.0\.2\.9 dst=(\S+)/.exec(flows)?.[1];
    };
    expect(await seen({})).toBe('192.0.2.1');
    expect(await seen({ snatAddress: '192.0.2.7' })).toBe('192.0.2.7');
    await lab.ok('DEL', 'c2', []);
    expect(await sandbox.must('nft', ['list', 'ruleset'])).not.toContain('snat ip to');
    await sandbox.must('ip', ['addr', 'del', '192.0.2.7/24', 'dev', 'up0']);
    await sandbox.must('ip', ['-n', 'out', 'route', 'add', 'default', 'via', '192.0.2.1']);
  });
});
