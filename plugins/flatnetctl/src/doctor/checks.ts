import type { Check } from './finding.ts';
import { bridgeNetfilter, forwarding, reversePath, root, tools } from './host.ts';
import { backend, executables, installation } from './installed.ts';
import { links, rules } from './kernel.ts';
import { configurations, leftovers, readiness, room } from './networks.ts';
import { starts } from './start.ts';

/** In the order in which one trouble explains the next. */
export const CHECKS: readonly Check[] = [
  ...[root, tools, links, rules],
  ...[forwarding, reversePath, bridgeNetfilter],
  ...[backend, executables, starts, installation],
  ...[configurations, readiness, room, leftovers],
];
