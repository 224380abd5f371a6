// flatnetd's server: each endpoint over a real socket, limits, clients that go away, kills. Real kernel, private host.
import { connect } from 'node:net';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BIN, type Json } from '@flatnet/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, type Daemon, expectEvent, startDaemon } from './daemon-lab.ts';
import { addressesIn, useSandbox, withNetns } from './fixture.ts';
import { operatorOf, type Operator } from './operator.ts';

const host = useSandbox();
let netDir: string;
let operator: Operator;
let daemon: Daemon;
const PLAIN = {
  cniVersion: '1.1.0',
  name: 'one',
  type: 'flatnet',
  ipam: { type: 'flatnet-ipam', subnet: '10.88.0.0/24' },
};

beforeAll(async () => {
  netDir = join(host.sandbox.folder, 'net.d');
  mkdirSync(netDir);
  operator = operatorOf(host.sandbox, netDir);
  await operator.must('network', 'create', 'web', '--subnet', '10.87.0.0/24', '--disable-dns');
  daemon = await startDaemon(host.sandbox, netDir);
});
afterAll(async () => {
  await daemon.signal('TERM').catch(() => undefined);
  await daemon.ended;
});

const attachments = '/v1/networks/web/attachments';
const wish = (id: string, more: object = {}): object => ({ containerId: id, netns: `/run/netns/${id}`, ...more });
const variables = (command: string, id: string) => ({
  ...{ CNI_COMMAND: command, CNI_CONTAINERID: id, CNI_NETNS: `/run/netns/${id}`, CNI_IFNAME: 'eth0' },
});

describe('attachments', () => {
  it('attaches, lists, checks and detaches; what is asked twice is answered twice', () =>
    withNetns(host.sandbox, ['c1'], async () => {
      const body = wish('c1', { name: 'one', portMappings: [{ hostPort: 8080, containerPort: 80 }] });
      const first = await daemon.request('POST', attachments, body);
      expect(first, first.text).toMatchObject({ status: 201, json: { ips: [{ address: '10.87.0.2/24' }] } });
      expect(await daemon.request('POST', attachments, body)).toMatchObject({ status: 201, json: first.json });
      expect((await addressesIn(host.sandbox, 'c1', 'eth0')).join(' ')).toContain('10.87.0.2');
      const other = await daemon.request('POST', attachments, wish('c1', { name: 'other' }));
      expect(other, other.text).toMatchObject({ status: 409, json: { code: 999 } });
      expect((await daemon.request('GET', '/v1/networks')).json).toMatchObject([{ name: 'web', containers: 1 }]);
      expect((await daemon.request('GET', '/v1/attachments')).json).toMatchObject([{ network: 'web', name: 'one' }]);
      expect((await daemon.request('GET', '/v1/leases')).json).toMatchObject([
        { address: '10.87.0.2', state: 'alive' },
      ]);
      expect((await daemon.request('GET', '/v1/ports')).json).toMatchObject([{ kind: 'published', state: 'ok' }]);
      expect(await daemon.request('POST', `${attachments}/c1/check`)).toMatchObject({ status: 200 });
      await host.sandbox.must('nft', ['flush', 'ruleset']);
      await expectEvent(daemon, 'attached', /flatnet did ADD/);
      await expectEvent(daemon, 'healed', /published/);
      const metrics = (await daemon.request('GET', '/metrics')).text;
      expect(metrics).toContain('flatnet_plugin_calls_total{plugin="flatnet",verb="ADD",outcome="ok"} 1');
      expect(metrics).toMatch(/flatnet_addresses\{network="web",subnet="10.87.0.0\/24",state="used"\} 1\n/);
      expect(metrics).toMatch(
        /flatnet_container_traffic\{network="web",container="c1".*direction="sent",unit="bytes"\} \d+/,
      );
      expect(await daemon.request('DELETE', `${attachments}/c1`)).toMatchObject({ status: 204 });
      expect(await daemon.request('DELETE', `${attachments}/c1`)).toMatchObject({ status: 204 });
      expect((await daemon.request('GET', '/v1/leases')).json).toEqual([]);
    }));

  it('never takes the start of an id, or a name, for an attachment', () =>
    withNetns(host.sandbox, ['c12'], async () => {
      expect(await daemon.request('POST', attachments, wish('c12', { name: 'db' }))).toMatchObject({ status: 201 });
      for (const id of ['c1', 'db']) {
        expect(await daemon.request('DELETE', `${attachments}/${id}`)).toMatchObject({ status: 204 });
        expect(await daemon.request('POST', `${attachments}/${id}/check`)).toMatchObject({ status: 422 });
      }
      expect(await daemon.request('POST', `${attachments}/c12/check`)).toMatchObject({ status: 200 });
      expect(await daemon.request('DELETE', `${attachments}/c12`)).toMatchObject({ status: 204 });
    }));

  it('refuses what is no wish, with the field at fault', async () => {
    const wrong: readonly (readonly [unknown, number])[] = [
      ['{', 400],
      ['[]', 400],
      [{ containerId: '--help', netns: '/run/netns/c1' }, 400],
      [{ containerId: 'a/b', netns: '/run/netns/c1' }, 400],
      [{ containerId: 'c1', netns: '-1' }, 400],
      [{ containerId: 'c1', netns: '/run/netns/nothing' }, 422],
      [{ containerId: 'c1', netns: '/run/netns/c1', ifName: 'a b' }, 400],
      [{ containerId: 'c1', netns: '/run/netns/c1', ips: ['--force'] }, 400],
      [{ containerId: 'c1', netns: '/run/netns/c1', portMappings: [{ hostPort: 0, containerPort: 1 }] }, 400],
      [{ containerId: 'c1', netns: '/run/netns/c1', name: '$(id)' }, 400],
    ];
    for (const [body, status] of wrong) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const reply = await ask(daemon.socket, 'POST', attachments, text);
      expect(reply, `${text}: ${reply.text}`).toMatchObject({ status, json: { msg: expect.any(String) as string } });
    }
  });

  it('knows no network that is not there, no path and no method', async () => {
    expect(await daemon.request('POST', '/v1/networks/nope/attachments', wish('c1'))).toMatchObject({ status: 404 });
    expect(await daemon.request('GET', '/v2')).toMatchObject({ status: 404 });
    expect(await daemon.request('DELETE', '/cni')).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(await daemon.request('POST', '/v1/networks/%zz/attachments', {})).toMatchObject({ status: 400 });
  });
});

describe('POST /cni', () => {
  const cni = (command: string, id: string, config: unknown = PLAIN) =>
    daemon.request('POST', '/cni', { env: variables(command, id), config });

  it('answers every verb as the plugin does', () =>
    withNetns(host.sandbox, ['p1'], async () => {
      const added = await cni('ADD', 'p1');
      expect(added, added.text).toMatchObject({ status: 200, json: { ips: [{ address: '10.88.0.2/24' }] } });
      const again = await cni('ADD', 'p1');
      expect(again).toMatchObject({ status: 422, json: { code: 100 } });
      expect(await cni('CHECK', 'p1', { ...PLAIN, prevResult: added.json })).toMatchObject({ status: 204 });
      expect(await cni('STATUS', 'p1')).toMatchObject({ status: 204 });
      const base64 = Buffer.from(JSON.stringify(PLAIN)).toString('base64');
      expect(await cni('DEL', 'p1', base64)).toMatchObject({ status: 204 });
      expect((await cni('VERSION', 'p1')).json).toMatchObject({ supportedVersions: expect.any(Array) as string[] });
    }));

  it('refuses a bad configuration with an error object', async () => {
    const wrong: readonly (readonly [unknown, number])[] = [
      [{ ...PLAIN, type: '../../bin/sh' }, 422],
      [{ ...PLAIN, type: 'sh' }, 422],
      [{ ...PLAIN, mtu: 'x' }, 422],
      ['!', 400],
      [7, 400],
    ];
    for (const [config, status] of wrong) {
      const reply = await cni('ADD', 'p1', config);
      expect(reply, reply.text).toMatchObject({ status, json: { code: expect.any(Number) as number } });
    }
  });

  it('does not let a client choose what runs', async () => {
    const env = { ...variables('VERSION', 'x'), CNI_PATH: '/usr/bin', LD_PRELOAD: '/x.so' };
    const reply = await daemon.request('POST', '/cni', { env, config: { ...PLAIN, type: 'true' } });
    expect(reply, reply.text).toMatchObject({ status: 422 });
  });

  it('takes an ADD back whose client has gone', () =>
    withNetns(host.sandbox, ['g1'], async () => {
      for (const afterMs of [5, 25, 60]) {
        const leave = new AbortController();
        const call = daemon.request('POST', '/cni', { env: variables('ADD', 'g1'), config: PLAIN }, leave);
        await sleep(afterMs);
        leave.abort();
        await call.catch(() => undefined);
      }
      // A later call of the same attachment succeeds as soon as nothing is left.
      for (let tries = 0; tries < 100; tries++) {
        const { stdout } = await host.sandbox.run('ip', ['-j', '-n', 'g1', 'link']);
        if ((JSON.parse(stdout) as Json[]).length === 1) break;
        await sleep(50);
      }
      const added = await cni('ADD', 'g1');
      expect(added, added.text).toMatchObject({ status: 200 });
      expect(await cni('DEL', 'g1')).toMatchObject({ status: 204 });
    }));
});

describe('limits', () => {
  it('refuses what is too large and too deep', async () => {
    const large = await ask(daemon.socket, 'POST', '/cni', ' '.repeat(1_100_000)).catch(() => ({ status: 413 }));
    expect(large.status).toBe(413);
    const deep = await ask(daemon.socket, 'POST', '/cni', '['.repeat(100) + ']'.repeat(100));
    expect(deep).toMatchObject({ status: 400 });
  });

  it('survives headers without end and bytes that are no HTTP', async () => {
    for (const bytes of [
      `GET /healthz HTTP/1.1\r\nX: ${'x'.repeat(1 << 20)}`,
      '\0\0\0\xff',
      'GET / HTTP/9.9\r\n\r\n',
    ]) {
      await new Promise<void>((resolve) => {
        const client = connect(daemon.socket, () => client.write(bytes, 'latin1'));
        client.on('error', () => resolve());
        client.on('close', () => resolve());
        client.on('data', () => client.destroy());
        setTimeout(() => client.destroy(), 500);
      });
    }
    expect(await daemon.request('GET', '/healthz')).toMatchObject({ status: 200 });
  });

  it('answers 150 calls at once', async () => {
    const config = { cniVersion: '1.1.0', name: 'one', type: 'flatnet' };
    const calls = Array.from({ length: 150 }, () =>
      daemon.request('POST', '/cni', { env: { CNI_COMMAND: 'VERSION' }, config }),
    );
    expect(new Set((await Promise.all(calls)).map(({ status }) => status))).toEqual(new Set([200]));
  });
});

describe('the socket and the process', () => {
  it('lets in root alone, and describes itself', async () => {
    expect(await host.sandbox.must('stat', ['-c', '%a %U', daemon.socket])).toBe('600 root\n');
    const { paths } = (await daemon.request('GET', '/openapi.json')).json as { paths: Json };
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/cni', '/metrics', '/v1/networks/{name}/attachments']));
    for (const path of ['/healthz', '/readyz', '/v1/networks', '/v1/leases', '/v1/ports', '/v1/attachments'])
      expect(await daemon.request('GET', path), path).toMatchObject({ status: 200 });
  });

  it('refuses to start beside another, and takes the place of a killed one', async () => {
    const second = await host.sandbox.run(join(BIN, 'flatnetd'), ['--socket', daemon.socket]);
    expect(second).toMatchObject({ exitCode: 1 });
    expect(second.stderr).toContain('another flatnetd listens');
    await daemon.signal('KILL');
    await daemon.ended;
    daemon = await startDaemon(host.sandbox, netDir, ['--group', 'daemon']);
    expect(await host.sandbox.must('stat', ['-c', '%a %G', daemon.socket])).toBe('660 daemon\n');
  });

  it('finishes what is under way when it is asked to end', () =>
    withNetns(host.sandbox, ['t1'], async () => {
      const call = daemon.request('POST', '/cni', { env: variables('ADD', 't1'), config: PLAIN });
      await sleep(15);
      await daemon.signal('TERM');
      expect(await call).toMatchObject({ status: 200 });
      expect(await daemon.ended).toMatchObject({ exitCode: 0 });
      daemon = await startDaemon(host.sandbox, netDir);
      expect(await daemon.request('POST', '/cni', { env: variables('DEL', 't1'), config: PLAIN })).toMatchObject({
        status: 204,
      });
    }));
});
