import { describe, expect, it } from 'vitest';
import { FakeKernel } from '../src/testing.ts';
import { ensureForwarding, hostSettings, hostSettingStates, ipv6Obstacle, isForwarding } from '../src/index.ts';

const CONF = '/proc/sys/net/ipv6/conf';

/** A host whose interfaces are given as name -> accept_ra, forwarding. */
function hostWith(interfaces: Readonly<Record<string, readonly [string, string]>>, more: readonly string[] = []) {
  const kernel = new FakeKernel();
  const { files } = kernel;
  for (const [name, [acceptRa, forwarding]] of Object.entries({
    all: ['1', '0'],
    default: ['1', '0'],
    ...interfaces,
  })) {
    files.set(`${CONF}/${name}/accept_ra`, acceptRa!);
    files.set(`${CONF}/${name}/forwarding`, forwarding!);
  }
  for (const path of more) files.set(`${CONF}/${path}`, '0');
  const order: string[] = [];
  const { write } = kernel.proc;
  Object.assign(kernel.proc, {
    write: (path: string, text: string) => {
      write(path, text);
      order.push(`${path.slice('/proc/sys/net/'.length)}=${text}`);
    },
  });
  return { kernel, order };
}

const FORCED = ['all', 'default', 'up0'].map((name) => `${name}/force_forwarding`);

describe('IPv6 forwarding', () => {
  it('keeps listeners listening, the later ones first, before it makes the host a router; leaves others alone', () => {
    const { kernel, order } = hostWith({
      lo: ['1', '0'],
      up0: ['1', '0'],
      deaf0: ['0', '0'],
      kept0: ['2', '0'],
      router0: ['1', '1'],
    });
    ensureForwarding(kernel, 6);
    expect(order).toEqual(['ipv6/conf/default/accept_ra=2', 'ipv6/conf/up0/accept_ra=2', 'ipv6/conf/all/forwarding=1']);
    expect(isForwarding(kernel, 6)).toBe(true);
  });

  it('does without where the kernel can forward for a host', () => {
    const { kernel, order } = hostWith({ up0: ['1', '0'] }, FORCED);
    ensureForwarding(kernel, 6);
    ensureForwarding(kernel, 6);
    expect(order).toEqual(['ipv6/conf/default/force_forwarding=1', 'ipv6/conf/all/force_forwarding=1']);
    expect(isForwarding(kernel, 6)).toBe(true);
  });

  it('a bridge and an uplink that came after `all` was written, without `default`, forward from the next ADD on', () => {
    const { kernel, order } = hostWith({ up0: ['1', '0'], br1: ['1', '0'] }, [...FORCED, 'br1/force_forwarding']);
    kernel.files.set(`${CONF}/all/force_forwarding`, '1');
    expect(isForwarding(kernel, 6, ['br1'])).toBe(false);
    ensureForwarding(kernel, 6, 'br1');
    expect(order.toSorted()).toEqual(['br1', 'default', 'up0'].map((name) => `ipv6/conf/${name}/force_forwarding=1`));
    // What an administrator switches off later stays off.
    kernel.files.set(`${CONF}/up0/force_forwarding`, '0');
    ensureForwarding(kernel, 6, 'br1');
    expect(order).toHaveLength(3);
  });

  it.each([[[]], [['all/force_forwarding']]])('changes nothing on a host that is a router already (%j)', (more) => {
    const { kernel, order } = hostWith({ up0: ['1', '1'] }, more);
    kernel.files.set(`${CONF}/all/forwarding`, '1');
    ensureForwarding(kernel, 6);
    expect(order).toEqual([]);
  });

  it('is refused whole, with its next step, where nothing can be written', () => {
    const { kernel } = hostWith({ up0: ['1', '0'] });
    kernel.isReadOnly = true;
    expect(() => ensureForwarding(kernel, 6)).toThrow('sysctl -w net.ipv6.conf.default.accept_ra=2');
    expect(() => ensureForwarding(kernel, 4)).toThrow('sysctl -w net.ipv4.ip_forward=1');
    expect(isForwarding(kernel, 6)).toBe(false);
  });
});

describe('IPv6 that is switched off', () => {
  it('is told by the device itself, else by the default, else by the kernel', () => {
    const { kernel } = hostWith({});
    expect(ipv6Obstacle(kernel, 'br0')).toBeUndefined();
    kernel.files.set(`${CONF}/default/disable_ipv6`, '1');
    expect(ipv6Obstacle(kernel, 'br0')).toMatchObject({
      what: expect.stringContaining('net.ipv6.conf.default.disable_ipv6 is 1'),
    });
    kernel.files.set(`${CONF}/br0/disable_ipv6`, '0');
    expect(ipv6Obstacle(kernel, 'br0')).toBeUndefined();
    kernel.files.delete('/proc/sys/net/ipv6');
    expect(ipv6Obstacle(kernel, 'br0')).toMatchObject({ what: expect.stringContaining('no IPv6') });
  });

  it('spells a name with dots as sysctl(8) reads it', () => {
    const { kernel } = hostWith({});
    kernel.files.set(`${CONF}/br0.100/disable_ipv6`, '1');
    expect(ipv6Obstacle(kernel, 'br0.100')?.next).toContain('net.ipv6.conf.br0/100.disable_ipv6=0');
  });
});

describe('settings of the host', () => {
  it('are those of this kernel', () => {
    const names = ({ kernel }: ReturnType<typeof hostWith>) => hostSettings(kernel).map(({ name }) => name);
    expect(names(hostWith({}))).toEqual([
      'net.ipv4.ip_forward',
      'net.ipv6.conf.all.forwarding',
      'net.ipv6.conf.INTERFACE.accept_ra',
      'net.ipv4.conf.BRIDGE.route_localnet',
    ]);
    expect(names(hostWith({}, ['all/force_forwarding']))).not.toContain('net.ipv6.conf.INTERFACE.accept_ra');
  });

  it('name the interfaces that a router no longer hears, but no bridge and no port of one', () => {
    const { kernel } = hostWith({ up0: ['1', '1'], br0: ['1', '1'], port0: ['1', '1'], kept0: ['2', '1'] });
    kernel.files.set(`${CONF}/all/forwarding`, '1');
    kernel.files.set('/sys/class/net/br0/bridge', '').set('/sys/class/net/port0/brport', '');
    const wrong = hostSettingStates(kernel).filter(({ isAsWanted }) => !isAsWanted);
    expect(wrong).toMatchObject([
      { name: 'net.ipv4.ip_forward', sysctls: ['net.ipv4.ip_forward=1'] },
      { name: 'net.ipv6.conf.up0.accept_ra', sysctls: ['net.ipv6.conf.up0.accept_ra=2'] },
    ]);
  });

  it('that let the host forward IPv6 keep its advertisements first', () => {
    const { kernel } = hostWith({ up0: ['1', '0'], default: ['1', '0'] });
    const state = hostSettingStates(kernel).find(({ name }) => name === 'net.ipv6.conf.all.forwarding');
    expect(state?.sysctls).toEqual([
      'net.ipv6.conf.default.accept_ra=2',
      'net.ipv6.conf.up0.accept_ra=2',
      'net.ipv6.conf.all.forwarding=1',
    ]);
  });
});
