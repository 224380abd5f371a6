/** A host whose /proc/sys can only be read, as a container that is not privileged sees it. */
import { expect, it } from 'vitest';
import { CONF, World } from './world.ts';

const hostWith = (forwarding: '0' | '1'): World => {
  const world = new World();
  world.kernel.files
    .set('/proc/sys/net/ipv4/ip_forward', forwarding)
    .set('/proc/sys/net/ipv6/conf/fl-net/accept_ra', '1');
  world.kernel.isReadOnly = true;
  return world;
};

it('attaches where forwarding is on, and notes what it could not write', async () => {
  const world = hostWith('1');
  const notes: string[] = [];
  await world.add(CONF, { note: (text: string) => notes.push(text) });
  expect(notes).toEqual([expect.stringContaining('net.ipv6.conf.fl-net.accept_ra=0')]);
  expect(notes[0]).toContain('net.ipv4.conf.eth0.arp_notify=1');
});

it('notes nothing where all is as it should be', async () => {
  const notes: string[] = [];
  await new World().add(CONF, { note: (text: string) => notes.push(text) });
  expect(notes).toEqual([]);
});

it('is refused with its next step where forwarding is off, and leaves nothing', async () => {
  const world = hostWith('0');
  await expect(world.add()).rejects.toThrow('sysctl -w net.ipv4.ip_forward=1');
  expect(world.links).toEqual([]);
  expect(world.asked).toEqual(['ADD', 'DEL']);
});

it('needs no forwarding for a network without a gateway', async () => {
  const world = hostWith('0');
  await world.add({ ...CONF, isGateway: false });
  expect(world.links).toHaveLength(2);
});

it('an IPv6 address needs IPv6 in the container: the setting is named', async () => {
  const world = hostWith('1');
  world.answer = { ips: [{ address: 'fd00::2/64' }], routes: [], dns: {} };
  const six = { ...CONF, isGateway: false, ipam: { type: 'ipam', subnet: 'fd00::/64' } };
  await expect(world.add(six)).rejects.toThrow('net.ipv6.conf.eth0.disable_ipv6=0');
  expect(world.links).toEqual([]);
});
