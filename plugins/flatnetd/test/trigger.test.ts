import type { Notification } from '@flatnet/netlink';
import { describe, expect, it } from 'vitest';
import { lossesIn } from '../src/recovery/trigger.ts';

const BRIDGES = new Map([[7, 'fl-web']]);
const END = 'fl0123456789ab';
const link = (more: Partial<Extract<Notification, { kind: 'link' }>>): Notification => ({
  ...{ kind: 'link', change: 'present', index: 7, name: 'fl-web', up: true, port: false },
  ...more,
});
const gone = (table: string, chain?: string): Notification => ({
  ...{ kind: 'ruleset', change: 'gone', table },
  ...(chain === undefined ? {} : { chain }),
});
const by = (process: string): Notification => ({ kind: 'generation', process });

describe('what is a loss', () => {
  it.each<[string, Notification[], RegExp]>([
    ['a deleted bridge', [link({ change: 'gone' })], /bridge fl-web was deleted/],
    ['a bridge that was set down', [link({ up: false })], /link fl-web was set down/],
    ['a host end that was set down', [link({ index: 9, name: END, up: false })], /was set down/],
    ['a port that left', [link({ index: 9, name: END, port: true, change: 'gone' })], /left its bridge/],
    ['an address', [{ kind: 'address', change: 'gone', index: 7 }], /lost an address/],
    ['forwarding', [{ kind: 'forwarding', family: 6, on: false }], /forwarding of IPv6/],
    ['a flush', [gone('flatnet'), gone('filter'), by('nft')], /nft removed rules of table flatnet/],
    ['a chain of iptables', [gone('filter', 'FLATNET-FORWARD'), by('iptables')], /iptables removed/],
    ['a transaction that goes on', [gone('flatnet_hostport')], /flatnet_hostport/],
  ])('%s', (_, notifications, words) => {
    expect(lossesIn(notifications, BRIDGES)).toEqual([expect.stringMatching(words)]);
  });

  it.each<[string, Notification[]]>([
    ['a foreign bridge', [link({ index: 8, name: 'br0', change: 'gone' })]],
    ['a foreign link that is down', [link({ index: 8, name: 'eth0', up: false })]],
    ['a host end that comes up', [link({ index: 9, name: END, up: false }), link({ index: 9, name: END })]],
    [
      'a DEL',
      [
        link({ index: 9, name: END, port: true, change: 'gone' }),
        link({ index: 9, name: END, up: false }),
        link({ index: 9, name: END, change: 'gone' }),
      ],
    ],
    ['an address of another link', [{ kind: 'address', change: 'gone', index: 3 }]],
    ['forwarding that is switched on', [{ kind: 'forwarding', family: 4, on: true }]],
    ['what the plugins remove', [gone('flatnet'), by('flatnet'), gone('flatnet_hostport'), by('flatnet-portmap')]],
    ['what a drop-in removes', [gone('flatnet_policy'), by('firewall')]],
    ['foreign rules', [gone('filter'), gone('filter', 'DOCKER'), by('nft')]],
    ['rules that come', [{ kind: 'ruleset', change: 'present', table: 'flatnet' }, by('nft')]],
  ])('not %s', (_, notifications) => {
    expect(lossesIn(notifications, BRIDGES)).toEqual([]);
  });
});
