import { entry } from '@flatnet/plugin-flatnet';
import { under, withDefaults } from './drop-in.ts';
import { runAs } from './run-as.ts';

/** Defaults of the reference `bridge`. flatnet's own would find out the MTU, route by default, and refuse a subnet that overlaps. */
const BRIDGE_DEFAULTS = {
  bridge: 'cni0',
  isGateway: false,
  isDefaultGateway: false,
  ipMasq: false,
  hairpinMode: false,
  mtu: 1500,
  allowOverlap: true,
} as const;

void runAs(
  entry,
  under('bridge', entry, (json) => withDefaults(json, BRIDGE_DEFAULTS)),
);
