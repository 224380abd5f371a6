/** Counters of the containers' links, from sysfs: a host end's alias names its attachment. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Traffic } from './metrics.ts';

const SYSFS = '/sys/class/net';
/** `flatnet:NETWORK:CONTAINER:INTERFACE` (README of the flatnet plugin). */
const ALIAS = /^flatnet:([^:]+):([^:]+):([^:]+)$/;

/** What the host end receives, the container has sent. */
const COUNTERS = [
  ['rx_bytes', 'sent', 'bytes'],
  ['rx_packets', 'sent', 'packets'],
  ['rx_dropped', 'sent', 'dropped'],
  ['tx_bytes', 'received', 'bytes'],
  ['tx_packets', 'received', 'packets'],
  ['tx_dropped', 'received', 'dropped'],
] as const;

export function readTraffic(sysfs = SYSFS): readonly Traffic[] {
  return hostEnds(sysfs).flatMap((link) => {
    const [, network, containerId, ifName] = ALIAS.exec(read(join(sysfs, link, 'ifalias'))) ?? [];
    if (network === undefined || containerId === undefined || ifName === undefined) return [];
    return COUNTERS.flatMap(([file, direction, unit]): readonly Traffic[] => {
      const text = read(join(sysfs, link, 'statistics', file));
      // It went in the middle.
      return text === '' ? [] : [{ network, containerId, ifName, direction, unit, value: Number(text) }];
    });
  });
}

function hostEnds(sysfs: string): readonly string[] {
  try {
    return readdirSync(sysfs).filter((name) => /^fl[0-9a-f]{12}$/.test(name));
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
