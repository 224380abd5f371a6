import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Monitor, monitorNftables, monitorRoute } from '../src/index.ts';
import { type Host, openHost, sys } from './support/host.ts';

let host: Host;
let route: Monitor;
let nftables: Monitor;
beforeAll(() => {
  host = openHost();
  route = monitorRoute(sys, { netns: host.path });
  nftables = monitorNftables(sys, { netns: host.path });
});
afterAll(() => {
  route.close();
  nftables.close();
  host.close();
});

const ip = (on: Host, words: string): string => on.run('ip', ...words.split(' '));
const nft = (on: Host, words: string): string => on.run('nft', words);

describe('a monitor of links and addresses', () => {
  it('tells nothing before something changes', () => {
    expect(route.poll()).toEqual([]);
  });

  it('tells of a bridge, its port and its address, and of their end', () => {
    ip(host, 'link add br0 type bridge');
    ip(host, 'link add v0 type veth peer name v1');
    ip(host, 'link set v0 master br0');
    ip(host, 'link set br0 up');
    ip(host, 'address add 10.9.0.1/24 dev br0');
    const made = route.poll() ?? [];
    const bridge = made.find((each) => each.kind === 'link' && each.name === 'br0');
    if (bridge?.kind !== 'link') throw new Error('no message of br0');
    expect(made).toContainEqual(expect.objectContaining({ kind: 'link', name: 'br0', up: true, change: 'present' }));
    expect(made).toContainEqual(expect.objectContaining({ name: 'v0', master: bridge.index, change: 'present' }));
    expect(made).toContainEqual({ kind: 'address', change: 'present', index: bridge.index });
    ip(host, 'address del 10.9.0.1/24 dev br0');
    ip(host, 'link set v0 nomaster');
    ip(host, 'link set br0 down');
    ip(host, 'link del br0');
    const gone = route.poll() ?? [];
    expect(gone).toContainEqual({ kind: 'address', change: 'gone', index: bridge.index });
    expect(gone).toContainEqual(expect.objectContaining({ kind: 'link', name: 'v0', change: 'gone', port: true }));
    expect(gone).toContainEqual(expect.objectContaining({ name: 'br0', up: false, change: 'present' }));
    expect(gone).toContainEqual(expect.objectContaining({ name: 'br0', change: 'gone', port: false }));
  });
});

describe('a monitor of nf_tables', () => {
  it('tells what was made and what went, and which program did it', () => {
    nft(host, 'add table inet one');
    nft(host, 'add chain inet one every');
    nft(host, 'add rule inet one every counter');
    const made = nftables.poll() ?? [];
    expect(made).toContainEqual({ kind: 'ruleset', change: 'present', table: 'one', chain: 'every' });
    expect(made).toContainEqual({ kind: 'generation', process: 'nft' });
    nft(host, 'flush ruleset');
    const gone = nftables.poll() ?? [];
    expect(gone).toContainEqual({ kind: 'ruleset', change: 'gone', table: 'one' });
    expect(gone.at(-1)).toEqual({ kind: 'generation', process: 'nft' });
  });
});

describe('a monitor that is not read', () => {
  it('says that messages were lost, and goes on', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'flatnet-monitor-')), 'elements.nft');
    const small = monitorNftables(sys, { netns: host.path, receiveBytes: 65_536 });
    const elements = Array.from({ length: 5_000 }, (_, n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`).join(', ');
    writeFileSync(file, `add element inet two every { ${elements} }\n`);
    nft(host, 'add table inet two');
    nft(host, 'add set inet two every { type ipv4_addr; }');
    host.run('nft', '-f', file);
    expect(small.poll()).toBeUndefined();
    nft(host, 'delete table inet two');
    expect(small.poll()).toContainEqual({ kind: 'ruleset', change: 'gone', table: 'two' });
    small.close();
    rmSync(dirname(file), { recursive: true });
  });
});
