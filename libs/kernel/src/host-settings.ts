/** Every setting of the host as a whole that the plugins change, with what depends on it. The README of plugins/flatnet has it as a table. */
import { forwardingKey, ipv6Obstacle, isForwarding } from './forwarding.ts';
import type { Kernel } from './kernel.ts';
import { settingName } from './sysctl.ts';

export interface HostSetting {
  /** As sysctl(8) spells it; a part in capitals stands for names of interfaces. */
  readonly name: string;
  /** The value that the plugins give it. */
  readonly wanted: string;
  readonly changedBy: 'flatnet' | 'flatnet-portmap';
  readonly when: string;
  /** What else on the host depends on it, and what the plugin does about that. */
  readonly consequence: string;
}

/** The settings that the plugins change on this kernel. */
export function hostSettings(kernel: Kernel): readonly HostSetting[] {
  const key6 = forwardingKey(kernel, 6);
  return [
    {
      ...{ name: 'net.ipv4.ip_forward', wanted: '1', changedBy: 'flatnet' },
      when: 'the first ADD of a network whose bridge is an IPv4 gateway',
      consequence:
        'the kernel sets net.ipv4.conf.all.accept_redirects to 0 (a router follows no ICMP redirects) and switches large receive offload off',
    },
    key6.endsWith('force_forwarding')
      ? {
          ...{ name: settingName(key6), wanted: '1', changedBy: 'flatnet' },
          when: 'the first ADD of a network whose bridge is an IPv6 gateway, unless net.ipv6.conf.all.forwarding is 1',
          consequence: 'none: the host stays a host and hears router advertisements; later interfaces forward, too',
        }
      : {
          ...{ name: settingName(key6), wanted: '1', changedBy: 'flatnet' },
          when: 'the first ADD of a network whose bridge is an IPv6 gateway',
          consequence:
            'a router ignores router advertisements and forgets their routes where accept_ra is 1, hence the next setting comes first',
        },
    ...(key6.endsWith('force_forwarding')
      ? []
      : [
          {
            ...{ name: 'net.ipv6.conf.INTERFACE.accept_ra', wanted: '2', changedBy: 'flatnet' as const },
            when: 'before net.ipv6.conf.all.forwarding becomes 1, for default and each interface where it is 1; 0 stays 0',
            consequence: 'none: these interfaces, and later ones, hear the advertisements that they heard before',
          },
        ]),
    {
      ...{ name: 'net.ipv4.conf.BRIDGE.route_localnet', wanted: '1', changedBy: 'flatnet-portmap' },
      when: 'the first ADD that publishes a port on 127.0.0.1',
      consequence: 'packets to 127.0.0.0/8 could come in from the bridge; a chain of flatnet-portmap drops them first',
    },
  ];
}

/** How a setting stands, and what to do about it. */
export interface HostSettingState {
  readonly name: string;
  readonly state: 'ok' | 'warning';
  readonly reason: string;
  /** A command, where one helps. */
  readonly repair?: string;
}

/** Forwarding of both families, advertisements that forwarding would make unheard, and IPv6 that is switched off. */
export function hostSettingStates(kernel: Kernel): readonly HostSettingState[] {
  const off = ipv6Obstacle(kernel, 'default');
  return [
    forwardingState(kernel, 4),
    ...(off === undefined
      ? [forwardingState(kernel, 6), ...deafInterfaces(kernel)]
      : [
          {
            name: 'IPv6',
            state: 'warning' as const,
            reason: `${off.what}: networks with IPv6 ranges fail`,
            repair: off.next,
          },
        ]),
  ];
}

function forwardingState(kernel: Kernel, family: 4 | 6): HostSettingState {
  const name = settingName(forwardingKey(kernel, family));
  if (isForwarding(kernel, family) === true) return { name, state: 'ok', reason: 'on' };
  const reason = `off: the first container of a network with an IPv${family} gateway switches it on`;
  return { name, state: 'warning', reason, repair: `sysctl -w ${name}=1` };
}

/** On a host that is a router (`forwarding=1`), interfaces that would hear advertisements as those of a host; bridges and their ports should not. */
function deafInterfaces(kernel: Kernel): readonly HostSettingState[] {
  const conf = '/proc/sys/net/ipv6/conf';
  const isInside = (name: string): boolean =>
    ['bridge', 'brport'].some((part) => kernel.proc.exists(`/sys/class/net/${name}/${part}`));
  const deaf =
    kernel.proc.read(`${conf}/all/forwarding`) === '1'
      ? kernel.proc
          .list(conf)
          .filter((name) => !['all', 'default', 'lo'].includes(name) && !isInside(name))
          .filter((name) => kernel.proc.read(`${conf}/${name}/accept_ra`) === '1')
      : [];
  if (deaf.length === 0)
    return [{ name: 'accept_ra', state: 'ok', reason: 'no interface is kept from router advertisements' }];
  const name = deaf.map((device) => settingName(`ipv6/conf/${device}/accept_ra`)).join(', ');
  const reason = '1 on a host that forwards: router advertisements are ignored';
  const repair = `sysctl -w ${deaf.map((device) => `${settingName(`ipv6/conf/${device}/accept_ra`)}=2`).join(' ')}`;
  return [{ name, state: 'warning', reason, repair }];
}
