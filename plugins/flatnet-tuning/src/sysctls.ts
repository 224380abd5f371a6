/** The key `sysctl`: names in both spellings of sysctl(8), as paths. Pure. */
import { shown } from '@flatnet/cni';
import type { Sysctl } from '@flatnet/tuning';
import { refuse } from './field.ts';

/** A setting before its interface is known. */
export interface WantedSysctl {
  readonly key: string;
  /** Parts of the path below /proc/sys; `IFNAME` stands for the interface. */
  readonly parts: readonly string[];
  readonly value: string;
}

const PART = /^[A-Za-z0-9_.-]+$/;
const LONGEST = 4096;

/** The first separator is the one: with dots, a slash is a dot in a name, and the other way round (sysctl(8)). */
function partsOf(key: string): readonly string[] {
  const first = /[./]/.exec(key)?.[0];
  if (first === '/') return key.replace(/^\//, '').split('/');
  return key.split('.').map((part) => part.replaceAll('/', '.'));
}

/** @throws CniError code 7 that names the key. */
export function sysctlsIn(given: Readonly<Record<string, string>>): readonly WantedSysctl[] {
  const seen = new Map<string, string>();
  return Object.entries(given).map(([key, value]) => {
    const parts = partsOf(key);
    const isPath = parts.length > 1 && parts.every((part) => PART.test(part) && part !== '.' && part !== '..');
    if (parts[0] !== 'net' || !isPath) {
      refuse(
        `invalid net sysctl key: ${shown(key)}; only settings below net can be made, as net.ipv4.conf.IFNAME.arp_notify`,
      );
    }
    if (value.includes('\0') || value.length > LONGEST)
      refuse(`sysctl ${shown(key)} is ${shown(value)}: give a short text`);
    const path = parts.join('/');
    const other = seen.get(path);
    if (other !== undefined) refuse(`sysctl ${shown(key)} is the same setting as ${shown(other)}: remove one of them`);
    seen.set(path, key);
    return { key, parts, value };
  });
}

/** The settings of one interface. */
export const sysctlsFor = (ifName: string, wanted: readonly WantedSysctl[]): readonly Sysctl[] =>
  wanted.map(({ parts, value }) => ({
    path: parts.map((part) => (part === 'IFNAME' ? ifName : part)).join('/'),
    value,
  }));

/**
 * Refuses what an operator's list does not name: a regular expression in a line, against the key as it is written. No list allows all.
 *
 * @throws CniError code 7.
 */
export function refuseUnlisted(wanted: readonly WantedSysctl[], allowlist: string | undefined): void {
  if (allowlist === undefined) return;
  const lines = allowlist.split('\n').map((line) => line.trim());
  const expressions = lines.filter((line) => line !== '').map(expressionOf);
  const unlisted = wanted.find(({ key }) => !expressions.some((expression) => expression.test(key)));
  if (unlisted === undefined) return;
  refuse(`sysctl ${shown(unlisted.key)} is not in /etc/cni/tuning/allowlist.conf: remove it, or add it there`);
}

function expressionOf(line: string): RegExp {
  try {
    return new RegExp(line);
  } catch {
    return refuse(`/etc/cni/tuning/allowlist.conf: ${shown(line)} is no regular expression: mend it`);
  }
}
