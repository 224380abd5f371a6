import { expect, it } from 'vitest';
import { FakeKernel } from '../src/testing.ts';
import { applySysctls, ensureSysctls, requireSysctls } from '../src/index.ts';

const KEY = 'ipv6/conf/br0/accept_ra';
const withSetting = (value: string): FakeKernel => {
  const kernel = new FakeKernel();
  kernel.files.set(`/proc/sys/net/${KEY}`, value);
  kernel.isReadOnly = true;
  return kernel;
};

it('names what cannot be written; what is right already, and what the kernel does not have, is not written', () => {
  expect(ensureSysctls(withSetting('1'), { [KEY]: '0', 'ipv6/conf/none/accept_ra': '0' })).toEqual([
    'net.ipv6.conf.br0.accept_ra=0',
  ]);
  expect(ensureSysctls(withSetting('0'), { [KEY]: '0' })).toEqual([]);
  expect(() => requireSysctls(withSetting('1'), { [KEY]: '0' })).toThrow('sysctl -w net.ipv6.conf.br0.accept_ra=0');
});

it('leaves out a setting whose interface went away meanwhile', () => {
  const kernel = withSetting('1');
  Object.assign(kernel.proc, {
    write: (path: string) => {
      kernel.files.delete(path);
      throw new Error('ENOENT');
    },
  });
  expect(ensureSysctls(kernel, { [KEY]: '0' })).toEqual([]);
});

const SETTINGS = { 'ipv4/conf/eth0/rp_filter': '2', 'ipv6/conf/eth0/disable_ipv6': '0' };

it('in a container: what is not needed is named, what is needed is an error with its next step', () => {
  const kernel = new FakeKernel();
  kernel.isReadOnly = true;
  expect(applySysctls(kernel, '/run/netns/c1', SETTINGS)).toEqual([
    'net.ipv4.conf.eth0.rp_filter=2',
    'net.ipv6.conf.eth0.disable_ipv6=0',
  ]);
  const needed = ['ipv6/conf/eth0/disable_ipv6'];
  expect(() => applySysctls(kernel, '/run/netns/c1', SETTINGS, needed)).toThrow(
    'set net.ipv6.conf.eth0.disable_ipv6=0 in the container',
  );
  kernel.settings.set('ipv6/conf/eth0/disable_ipv6', '0');
  expect(applySysctls(kernel, '/run/netns/c1', SETTINGS, needed)).toEqual(['net.ipv4.conf.eth0.rp_filter=2']);
});
