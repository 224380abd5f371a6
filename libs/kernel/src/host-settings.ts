/** Every setting of the host as a whole that the plugins change, with what depends on it. The README of plugins/flatnet has it as a table. */
import { forwardingKey, forwardingSettings, ipv6Obstacle, isForwarding } from './forwarding.ts';
import type { Kernel } from './kernel.ts';
import { hasIpv6, settingName } from './sysctl.ts';

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
export function hostSettings(kernel: Pick<Kernel, 'proc'>): readonly HostSetting[] {
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
          ...{ name: 'net.ipv6.conf.{default,all}.force_forwarding', wanted: '1', changedBy: 'flatnet' },
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

/** How a setting of the host stands. */
export interface HostSettingState {
  /** As sysctl(8) spells it; several names are separated by commas. */
  readonly name: string;
  readonly family: 4 | 6;
  /** What suffers when it is not as wanted: containers with addresses of this family, or the host alone. */
  readonly harms: 'containers' | 'host';
  readonly isAsWanted: boolean;
  readonly reason: string;
  /** Arguments of `sysctl -w` that mend it, in this order. Empty where no setting helps. */
  readonly sysctls: readonly string[];
}

/** Forwarding of both families, router advertisements that a forwarding host ignores, and IPv6 that is switched off. */
export function hostSettingStates(kernel: Pick<Kernel, 'proc'>): readonly HostSettingState[] {
  const off = ipv6Obstacle(kernel, 'default');
  if (off === undefined) return [forwardingState(kernel, 4), forwardingState(kernel, 6), advertisementState(kernel)];
  const sysctls = hasIpv6(kernel) ? ['net.ipv6.conf.default.disable_ipv6=0'] : [];
  const ipv6 = {
    name: 'IPv6',
    family: 6 as const,
    harms: 'containers' as const,
    isAsWanted: false,
    reason: off.what,
    sysctls,
  };
  return [forwardingState(kernel, 4), ipv6];
}

function forwardingState(kernel: Pick<Kernel, 'proc'>, family: 4 | 6): HostSettingState {
  const key = forwardingKey(kernel, family);
  const state = { name: settingName(key), family, harms: 'containers' as const };
  if (isForwarding(kernel, family) === true) return { ...state, isAsWanted: true, reason: 'on', sysctls: [] };
  const reason = `off: the first ADD of a network with an IPv${family} gateway switches it on`;
  const sysctls = [...forwardingSettings(kernel, family)].map(([name, value]) => `${settingName(name)}=${value}`);
  return { ...state, isAsWanted: false, reason, sysctls };
}

/** On a host that is a router (`forwarding=1`), interfaces that ignore advertisements though they would hear them on a host. */
function advertisementState(kernel: Pick<Kernel, 'proc'>): HostSettingState {
  const deaf = valueOf(kernel, 'ipv6/conf/all/forwarding') === '1' ? deafInterfaces(kernel) : [];
  const names = deaf.map((device) => settingName(`ipv6/conf/${device}/accept_ra`));
  const state = {
    ...{ family: 6 as const, harms: 'host' as const, isAsWanted: deaf.length === 0 },
    sysctls: names.map((name) => `${name}=2`),
  };
  return deaf.length === 0
    ? { ...state, name: 'accept_ra', reason: 'no interface is kept from router advertisements' }
    : { ...state, name: names.join(', '), reason: '1 on a host that forwards: router advertisements are ignored' };
}

/** Bridges and their ports should hear no advertisements. */
function deafInterfaces(kernel: Pick<Kernel, 'proc'>): readonly string[] {
  const isInside = (name: string): boolean =>
    ['bridge', 'brport'].some((part) => kernel.proc.exists(`/sys/class/net/${name}/${part}`));
  return kernel.proc
    .list('/proc/sys/net/ipv6/conf')
    .filter((name) => !['all', 'default', 'lo'].includes(name) && !isInside(name))
    .filter((name) => valueOf(kernel, `ipv6/conf/${name}/accept_ra`) === '1');
}

const valueOf = (kernel: Pick<Kernel, 'proc'>, key: string): string | undefined =>
  kernel.proc.read(`/proc/sys/net/${key}`);
