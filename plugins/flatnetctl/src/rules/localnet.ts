/** `route_localnet` of a bridge, with which 127.0.0.1 leads to published ports: a bridge that is made anew has it off. */
import type { PublishRecord } from '@flatnet/hostport';
import { requireSysctls, type Kernel } from '@flatnet/kernel';

const keyOf = (device: string): string => `ipv4/conf/${device}/route_localnet`;

/** Whether the attachment's bridge is there without the setting. */
export const isLocalnetLost = ({ proc }: Pick<Kernel, 'proc'>, { localInterface }: PublishRecord): boolean =>
  localInterface !== undefined && proc.read(`/proc/sys/net/${keyOf(localInterface)}`) === '0';

/** The rule that guards 127.0.0.0/8 must stand before. @throws ToolError where the setting cannot be written. */
export function restoreLocalnet(kernel: Pick<Kernel, 'proc'>, record: PublishRecord): void {
  const { localInterface } = record;
  if (localInterface !== undefined && isLocalnetLost(kernel, record))
    requireSysctls(kernel, { [keyOf(localInterface)]: '1' });
}
