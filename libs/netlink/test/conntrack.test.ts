import { afterAll, beforeAll, expect, it } from 'vitest';
import { deleteFlow, listFlows } from '../src/conntrack/flow.ts';
import { batch, dump } from '../src/index.ts';
import { type Host, openHost } from './support/host.ts';

let host: Host;
beforeAll(() => {
  host = openHost();
  host.run('ip', 'link', 'set', 'lo', 'up');
  host.run(
    'nft',
    'table inet t { chain c { type filter hook output priority 0; ct state new accept; }; chain d { type nat hook output priority -100; udp dport 5000 dnat ip to 127.0.0.2:6000; }; }',
  );
  for (const port of [5000, 5001, 5002]) host.run('bash', '-c', `echo x >/dev/udp/127.0.0.1/${port}`);
});
afterAll(() => host.close());

const UDP = 17;

it('lists flows by their addresses, ports and translation', () => {
  const all = dump(host.nft, listFlows({ family: 4 }));
  expect(all.map(({ original }) => original.dstPort).sort()).toEqual([5000, 5001, 5002]);
  const one = dump(host.nft, listFlows({ family: 4, original: { protocol: UDP, dstPort: 5001 } }));
  expect(one).toHaveLength(1);
  expect(one[0]).toMatchObject({
    family: 4,
    original: { src: '127.0.0.1', dst: '127.0.0.1', protocol: UDP, dstPort: 5001 },
    zone: 0,
  });
  const translated = dump(
    host.nft,
    listFlows({ family: 4, reply: { protocol: UDP, src: '127.0.0.2', srcPort: 6000 } }),
  );
  expect(translated.map(({ original, status }) => [original.dstPort, status & 0x20])).toEqual([[5000, 0x20]]);
  expect(dump(host.nft, listFlows({ family: 4, original: { src: '127.0.0.9' } }))).toEqual([]);
  expect(dump(host.nft, listFlows({ family: 6 }))).toEqual([]);
});

it('lists flows of IPv6 by their addresses, too', () => {
  host.run('bash', '-c', 'echo x >/dev/udp/::1/5006');
  const [all] = dump(host.nft, listFlows({ family: 6 }));
  expect(all?.original).toMatchObject({ src: '::1', dst: '::1', dstPort: 5006 });
  for (const filter of [{ original: { dst: '::1', protocol: UDP, dstPort: 5006 } }, { reply: { src: '::1' } }]) {
    expect(dump(host.nft, listFlows({ family: 6, ...filter }))).toHaveLength(1);
  }
  expect(dump(host.nft, listFlows({ family: 6, reply: { src: '::2' } }))).toEqual([]);
  expect(dump(host.nft, listFlows({ family: 6, original: { dst: '::2' } }))).toEqual([]);
});

it('removes exactly the flow that was listed, and says when it is gone', () => {
  const [flow] = dump(host.nft, listFlows({ family: 4, original: { protocol: UDP, dstPort: 5002 } }));
  if (flow === undefined) throw new Error('no flow');
  expect(batch(host.nft, [deleteFlow({ ...flow, id: flow.id ^ 1 })]).map(({ code }) => code)).toEqual(['ENOENT']);
  expect(batch(host.nft, [deleteFlow(flow)])).toEqual([]);
  expect(batch(host.nft, [deleteFlow(flow)]).map(({ code }) => code)).toEqual(['ENOENT']);
  expect(
    dump(host.nft, listFlows({ family: 4 }))
      .map(({ original }) => original.dstPort)
      .sort(),
  ).toEqual([5000, 5001]);
});
