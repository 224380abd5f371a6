import { containers, wayOut } from './containers.ts';
import type { Check } from './finding.ts';
import { firewalls, masquerades } from './firewalls.ts';
import { hostWide } from './host-settings.ts';
import { bridgeNetfilter, reversePath, root, tools } from './host.ts';
import { backend, executables, installation } from './installed.ts';
import { links, rules } from './kernel.ts';
import { limits } from './limits.ts';
import { listeners } from './listeners.ts';
import { names } from './names.ts';
import { openNetworks, policies } from './policies.ts';
import { configurations, leftovers, readiness, room } from './networks.ts';
import { starts } from './start.ts';

/** What each looks at, in the order in which one trouble explains the next. */
export const CHECKS: readonly (readonly [string, Check])[] = [
  ...([
    ['root', root],
    ['tools', tools],
    ['kernel', links],
    ['nft', rules],
    ['limits', limits],
  ] as const),
  ...([
    ['host settings', hostWide],
    ['rp_filter', reversePath],
    ['br_netfilter', bridgeNetfilter],
  ] as const),
  ...([
    ['podman', backend],
    ['executables', executables],
    ['start', starts],
    ['installation', installation],
  ] as const),
  ...([
    ['networks', configurations],
    ['readiness', readiness],
    ['masquerades', masquerades],
    ['firewalls', firewalls],
    ['default route', wayOut],
    ['containers', containers],
    ['published ports', listeners],
    ['names', names],
    ['policies', policies],
    ['open to the LAN', openNetworks],
    ['pools', room],
    ['leases', leftovers],
  ] as const),
];
