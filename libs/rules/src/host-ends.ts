import type { ProcFiles } from '@flatnet/kernel';

const HOST_END = /^fl([0-9a-f]{12})$/;

/** The attachments of flatnet that have a host end in this network namespace, by the 12 digits of its name. */
export const hostEndsIn = (proc: ProcFiles): readonly string[] =>
  proc.list('/proc/sys/net/ipv4/conf').flatMap((name) => HOST_END.exec(name)?.[1] ?? []);
