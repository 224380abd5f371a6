// Names from ADD to DEL over a fake host: which server is started, told to read again, left alone or ended.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { byFile } from '../src/process.ts';
import { collect, differences, type Entry, register, reload, unregister, type Zone } from '../src/index.ts';
import { FakeHost, type FakeServer } from '../src/testing.ts';

let host: FakeHost;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dns-'));
  host = new FakeHost(join(folder, 'flatnet/dns'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const NETWORK = 'a'.repeat(12);
const ZONE: Zone = {
  ...{ network: 'net', networkHash: NETWORK, bridge: 'br0', domain: 'net.test' },
  ...{ addresses: ['10.1.0.1'], subnets: ['10.1.0.0/24'], upstreams: 'none' },
};
const entryOf = (name: string, digit: string): Entry => ({
  owner: {
    ...{ network: 'net', networkHash: NETWORK, ifName: 'eth0' },
    ...{ containerId: name, hash: digit.repeat(24) },
  },
  ...{ netns: '', addresses: [`10.1.0.${digit}`], names: [name] },
});
const [web, db] = [entryOf('web', '2'), entryOf('db', '3')];

const add = (entry: Entry, zone = ZONE) => register(host.world, zone, entry);
const remove = (entry: Entry) => unregister(host.world, entry.owner);
const check = (entry: Entry) => differences(host.world, ZONE, entry);
const theServer = (): FakeServer => {
  expect(host.servers).toHaveLength(1);
  return host.servers[0]!;
};
const namesOf = (server: FakeServer) => [...server.names.keys()].sort();
const pidFile = () => host.world.folder.pid(NETWORK);
const nothingLeft = () => expect([host.servers, existsSync(join(folder, 'flatnet/dns'))]).toEqual([[], false]);

describe('one server', () => {
  it('starts with the first names, reads further ones, and ends with the last', async () => {
    await add(web);
    const server = theServer();
    expect(server).toMatchObject({ port: 53, signals: [] });
    await add(db);
    expect(theServer()).toBe(server);
    expect([namesOf(server), server.signals]).toEqual([['db', 'web'], ['SIGHUP']]);
    expect([await check(web), await check(db)]).toEqual([[], []]);
    await remove(web);
    expect(namesOf(theServer())).toEqual(['db']);
    await remove(db);
    await remove(db);
    expect(server.signals.at(-1)).toBe('SIGTERM');
    nothingLeft();
  });

  it('goes on when its program was replaced by an upgrade of the package', async () => {
    await add(web);
    const server = theServer();
    server.program = '/usr/sbin/dnsmasq (deleted)';
    await add(db);
    expect(theServer()).toBe(server);
    expect([namesOf(server), await check(web)]).toEqual([['db', 'web'], []]);
    for (const each of [web, db]) await remove(each);
    nothingLeft();
  });

  it('of a stopped unit is missed by CHECK, and started by reload or by the next ADD', async () => {
    await add(web);
    for (const heal of [() => reload(host.world), () => add(db)]) {
      host.processes.clear();
      expect(await check(web)).toEqual(['no dnsmasq serves bridge br0 as its network is configured']);
      await heal();
      expect(await check(web)).toEqual([]);
    }
    host.processes.clear();
    for (const each of [web, db]) await remove(each);
    nothingLeft();
  });

  it('that answers nothing is replaced once, and one that hears no SIGTERM is killed', async () => {
    await add(web);
    const mute = theServer();
    Object.assign(mute, { isMute: true, isStubborn: true });
    await add(db);
    expect(theServer()).not.toBe(mute);
    expect(mute.signals).toEqual(expect.arrayContaining(['SIGHUP', 'SIGTERM', 'SIGKILL']));
    expect(await check(db)).toEqual([]);
  });

  it('is started anew where the configuration is another', async () => {
    await add(web);
    const former = theServer();
    await add(db, { ...ZONE, domain: 'other.test' });
    expect(theServer()).not.toBe(former);
    expect(readFileSync(host.world.folder.conf(NETWORK), 'utf8')).toContain('other.test');
  });

  it('is ended by GC with the last names, and loses those that are not valid', async () => {
    for (const each of [web, db]) await add(each);
    expect(await collect(host.world, NETWORK, new Set([db.owner.hash]))).toBe(1);
    expect(namesOf(theServer())).toEqual(['db']);
    expect(await collect(host.world, NETWORK, new Set())).toBe(1);
    nothingLeft();
  });
});

describe('the number in its file', () => {
  it.each<[string, (server: FakeServer) => void]>([
    ["is another program's by now", () => void host.addStranger(77)],
    [
      'is that of a dnsmasq with another configuration',
      () => void Object.assign(host.addStranger(77), { args: ['dnsmasq', '--conf-file=/etc/dnsmasq.conf'] }),
    ],
    [
      'is that of a program with our arguments',
      ({ args }) => void Object.assign(host.addStranger(77), { args, program: '/usr/bin/python3' }),
    ],
    [
      "is that of a container's own dnsmasq",
      ({ args, program }) => void Object.assign(host.addStranger(77), { args, program, netns: 'net:[2]' }),
    ],
  ])('%s: that one gets no signal, and the server is ended and started anew', async (_what, make) => {
    await add(web);
    const server = theServer();
    make(server);
    writeFileSync(pidFile(), '77\n');
    expect(byFile(host.world.proc, host.world.folder.conf(NETWORK), pidFile())).toBeUndefined();
    await add(db);
    const now = host.servers.find((each) => each.signals.length === 0);
    expect([server.signals, namesOf(now!)]).toEqual([['SIGTERM'], ['db', 'web']]);
    for (const each of [web, db]) await remove(each);
    expect(host.processes.get(77)?.signals).toEqual([]);
  });

  it.each(['', 'x', '1', '-5', '0', '99999999'])('is %j: it is no server', async (text) => {
    await add(web);
    writeFileSync(pidFile(), text);
    await add(db);
    expect(namesOf(theServer())).toEqual(['db', 'web']);
  });
});

describe('what fails', () => {
  it('port 53 is taken: the next free one is used', async () => {
    for (const port of [53, 5300]) host.takenPorts.add(port);
    await add(web);
    expect(host.servers.map(({ port }) => port)).toEqual([5301]);
    const ports = await host.kernel.nft.list({ family: 'inet', table: 'flatnet_dns', map: 'port4' });
    expect(JSON.stringify(ports)).toContain('5301');
  });

  it('no port is free: the error names the bridge, and nothing is served', async () => {
    for (let port = 53; port < 5500; port += 1) host.takenPorts.add(port);
    await expect(add(web)).rejects.toMatchObject({
      problem: 'not-started',
      message: expect.stringContaining('Address already in use') as string,
      next: 'free port 53 of bridge br0',
    });
    expect(host.servers).toEqual([]);
  });

  it("the host has no process left: dnsmasq's words are told", async () => {
    host.refusal = { exitCode: 5, stderr: 'dnsmasq: cannot fork into background: Resource temporarily unavailable' };
    await expect(add(web)).rejects.toMatchObject({
      problem: 'not-started',
      message: expect.stringContaining('Resource temporarily unavailable') as string,
      next: expect.stringContaining('dnsmasq --test') as string,
    });
    await remove(web);
    nothingLeft();
  });

  it('another call holds the lock for too long: ADD, DEL and GC say so, and nothing is changed', async () => {
    await add(web);
    host.isLocked = true;
    const before = [...theServer().signals];
    for (const call of [add(db), remove(web), collect(host.world, NETWORK, new Set())]) {
      await expect(call).rejects.toMatchObject({ problem: 'busy', next: 'try again' });
    }
    expect([theServer().signals, namesOf(theServer())]).toEqual([before, ['web']]);
    expect(host.world.folder.attachments(NETWORK)).toHaveLength(1);
  });

  it('another network has the bridge: refused, with its name', async () => {
    await add(web);
    const other = { ...ZONE, network: 'second', networkHash: 'b'.repeat(12) };
    await expect(add({ ...db, owner: { ...db.owner, networkHash: other.networkHash } }, other)).rejects.toMatchObject({
      problem: 'conflict',
      message: 'bridge br0 has the names of network net already',
    });
    expect(namesOf(theServer())).toEqual(['web']);
  });
});
