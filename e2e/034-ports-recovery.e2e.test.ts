// What is flushed or refused: CHECK, the next ADD and a rebuild bring published ports back, and a refused ADD leaves nothing.
import { join } from 'node:path';
import { Records, reload } from '@flatnet/hostport';
import { nftIn } from '@flatnet/kernel/testing-netns';
import { type Json } from '@flatnet/testing';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { errorOf, useSandbox } from './fixture.ts';
import { type Lab, openLab } from './ports-lab.ts';

const host = useSandbox();
let lab: Lab;
beforeAll(async () => void (lab = await openLab(host.sandbox)), 240_000);

// Also after a failed test, so that the leak check speaks of that test only.
afterEach(async () => {
  for (const name of ['c2', 'c3', 'x2']) await lab.ok('DEL', name, []);
});

const WEB = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };
const DNS = { hostPort: 5353, containerPort: 53, protocol: 'udp' };
const STATE = '/run/flatnet/hostport';
const flush = () => host.sandbox.must('nft', ['flush', 'ruleset']);
const files = async (): Promise<string> => (await host.sandbox.run('find', [STATE, '-type', 'f'])).stdout;
const refusal = async (...call: Parameters<Lab['cni']>) => errorOf(await lab.cni(...call));

describe('published ports', { timeout: 240_000 }, () => {
  it('are missed by CHECK after a flush, by name, and rebuilt by the next ADD; DEL does not mind', async () => {
    const range = [WEB, { ...WEB, hostPort: 9000, containerPort: 9000, range: 3 }];
    await lab.ok('ADD', 'c2', range);
    await host.sandbox.must('nft', ['delete', 'element', 'inet', 'flatnet_hostport', 'any4', '{ tcp . 9001 }']);
    const { code, details } = await refusal('CHECK', 'c2', range);
    expect({ code, details }).toEqual({ code: 102, details: expect.stringContaining('9001/tcp on 0.0.0.0') as string });
    expect(details).not.toContain('9000/tcp');
    await flush();
    expect((await refusal('CHECK', 'c2', range))['details']).toContain('nft table inet flatnet_hostport');
    await lab.ok('ADD', 'c2', range);
    await lab.ok('CHECK', 'c2', range);
    expect(await lab.who('out', 'tcp 192.0.2.1 8080')).toEqual(['c2']);
    for (const part of [
      'flush chain inet flatnet_hostport prerouting',
      'flush map inet flatnet_hostport hairpin4',
      'flush chain inet flatnet_hostport guard',
    ]) {
      await host.sandbox.must('nft', part.split(' '));
      expect((await refusal('CHECK', 'c2', range)).code).toBe(102);
    }
    await host.sandbox.must('sysctl', ['-qw', 'net.ipv4.conf.br9.route_localnet=0']);
    expect((await refusal('CHECK', 'c2', range))['details']).toContain('route_localnet is 0');
    await flush();
    await lab.ok('DEL', 'c2', range);
    await lab.ok('DEL', 'c2', range);
  });

  it('are given back to all living containers by the ADD of another one after a flush, as firewalld may do it', async () => {
    const masquerading = { extra: { ipMasq: true } };
    const limited = { extra: { allowFrom: '192.0.2.0/24' } };
    await lab.ok('ADD', 'c2', [WEB], masquerading);
    await lab.ok('ADD', 'x2', [{ ...WEB, hostPort: 8082 }], limited);
    await flush();
    await lab.ok('ADD', 'c3', [{ ...WEB, hostPort: 8081 }]);
    expect(await lab.who('out', 'tcp 192.0.2.1 8080', 'tcp 192.0.2.1 8081', 'tcp 192.0.2.1 8082')).toEqual([
      'c2',
      'c3',
      'x2',
    ]);
    await lab.ok('CHECK', 'x2', [{ ...WEB, hostPort: 8082 }], limited);
    await lab.ok('DEL', 'x2', [], limited);
    // The masquerade of another table is told by CHECK, and made by an ADD.
    const { code, details } = await refusal('CHECK', 'c2', [WEB], masquerading);
    expect([code, details]).toEqual([102, expect.stringContaining('table inet flatnet.')]);
    expect(details).not.toContain('808');
    await lab.ok('ADD', 'c2', [WEB], masquerading);
    await lab.ok('CHECK', 'c2', [WEB], masquerading);
    expect(await lab.who('out', 'tcp 192.0.2.1 8080', 'tcp 192.0.2.1 8081')).toEqual(['c2', 'c3']);
    await lab.ok('DEL', 'c2', [WEB], masquerading);
    await lab.ok('DEL', 'c3', []);
  });

  it.each([
    'flush table inet flatnet_hostport',
    'flush chain inet flatnet_hostport prerouting',
    'flush chain inet flatnet_hostport published_from_outside',
    'flush map inet flatnet_hostport any4; flush chain inet flatnet_hostport output',
  ])('get their rules back by the next ADD of any container after: nft %s', async (command) => {
    const limited = { extra: { allowFrom: '192.0.2.0/24' } };
    await lab.ok('ADD', 'c2', [WEB], limited);
    await host.sandbox.must('nft', [command]);
    await lab.ok('ADD', 'c3', [{ ...WEB, hostPort: 8081 }]);
    expect(await lab.who('out', 'tcp 192.0.2.1 8080', 'tcp 192.0.2.1 8081')).toEqual(['c2', 'c3']);
    await lab.ok('CHECK', 'c2', [WEB], limited);
    await lab.ok('CHECK', 'c3', [{ ...WEB, hostPort: 8081 }]);
    await lab.ok('DEL', 'c2', [], limited);
    await lab.ok('DEL', 'c3', []);
  });

  it('are all rebuilt from the records in one call, but those of dead containers', async () => {
    const { sandbox } = host;
    // A folder that is the same inside and outside: the rebuild runs in this process, on the tables of the sandbox.
    const dataDir = join(sandbox.folder, 'state');
    const limited = { extra: { dataDir, allowFrom: '192.0.2.0/24' } };
    await lab.ok('ADD', 'c2', [WEB], limited);
    await lab.ok('ADD', 'x2', [{ ...WEB, hostPort: 8081 }], { extra: { dataDir } });
    await lab.ok('ADD', 'c3', [DNS], { extra: { dataDir } });
    await flush();
    const [generation] = (await sandbox.must('ls', [dataDir])).split('\n');
    const records = new Records(dataDir, generation);
    const nft = nftIn(sandbox.netns, sandbox.run);
    const told = await reload(nft, records, { isGone: ({ owner }) => owner.containerId === 'c3' });
    nft.close();
    expect({ ...told, dropped: told.dropped.map(({ owner }) => owner.containerId) }).toEqual({
      published: 2,
      dropped: ['c3'],
      failed: [],
    });
    expect(await lab.who('out', 'tcp 192.0.2.1 8080', 'tcp 192.0.2.1 8081')).toEqual(['c2', 'x2']);
    await lab.ok('CHECK', 'c2', [WEB], limited);
    await lab.ok('CHECK', 'x2', [{ ...WEB, hostPort: 8081 }], { extra: { dataDir } });
    for (const name of ['c2', 'x2']) await lab.ok('DEL', name, [], { extra: { dataDir } });
    expect(records.all()).toEqual([]);
  });
});

describe('a kernel that refuses', { timeout: 240_000 }, () => {
  /** Runs the plugin with sendto(2), by which it talks to the kernel, made to fail: each time, or the `when`-th time. */
  const refused = async (error: string, when: string, ...call: Parameters<Lab['cni']>) => {
    const inject = ['-e', 'trace=sendto', '-e', `inject=sendto:error=${error}${when}`];
    const { exitCode, stdout } = await lab.under(['strace', '-f', '-qq', '-o', '/dev/null', ...inject], ...call);
    return { exitCode, error: exitCode === 0 ? undefined : (JSON.parse(stdout) as Json) };
  };

  it('the k-th message fails ADD, and nothing is left', async () => {
    for (const fresh of [true, false]) {
      for (let k = 1; ; k += 1) {
        if (fresh) await flush();
        const before = await lab.table();
        const { exitCode, error } = await refused('EPERM', `:when=${k}`, 'ADD', 'c2', [WEB, DNS]);
        if (exitCode === 0) {
          expect(k).toBeGreaterThan(fresh ? 3 : 1);
          await lab.ok('DEL', 'c2', []);
          break;
        }
        // What the kernel refuses to conntrack(8) and to libc is told in their words.
        expect(error).toMatchObject({
          code: expect.any(Number) as number,
          details: expect.stringMatching(/not permitted|conntrack|getifaddrs/i) as string,
        });
        expect(await files()).toBe('');
        expect((await lab.table()).replace(/elements = \{ "br9" \}/, '')).not.toContain('elements =');
        if (!fresh) expect(await lab.table()).toBe(before);
      }
    }
  });

  it.each(['EPERM', 'ENOMEM', 'ENOBUFS'])(
    '%s each time is an error of ADD, STATUS and DEL, and nothing is left',
    async (error) => {
      await lab.ok('ADD', 'c2', [WEB]);
      const asked = [
        ['ADD', 'c3', [{ ...WEB, hostPort: 8081 }]],
        ['STATUS', 'c3', []],
        ['DEL', 'c2', [WEB]],
      ] as const;
      for (const [verb, name, ports] of asked) {
        expect(await refused(error, '', verb, name, ports)).toMatchObject({ exitCode: 1 });
      }
      expect(await lab.who('out', 'tcp 192.0.2.1 8080')).toEqual(['c2']);
      await lab.ok('ADD', 'c3', [{ ...WEB, hostPort: 8081 }]);
      for (const name of ['c2', 'c3']) await lab.ok('DEL', name, []);
      expect(await files()).toBe('');
    },
  );

  it('STATUS is 50, with the cause', async () => {
    const { error } = await refused('EPERM', '', 'STATUS', 'c2', []);
    expect(error).toMatchObject({ code: 50, details: expect.stringMatching(/not permitted/i) as string });
  });
});
