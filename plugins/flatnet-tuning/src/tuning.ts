/** A request -> what is to be set. Pure. */
import type { AddResult, Interface } from '@flatnet/cni';
import type { AddRequest } from '@flatnet/skel';
import type { Tuning } from '@flatnet/tuning';
import type { TuningConfig } from './config.ts';
import { macOf } from './mac.ts';
import { sysctlsFor } from './sysctls.ts';

export const isInside = ({ name, sandbox }: Interface, ifName: string): boolean =>
  name === ifName && sandbox !== undefined && sandbox !== '';

/** A MAC that the interface has by the result is no change: runtimes tell it to all plugins of a chain. */
export function tuningOf({ config, args, attachment }: AddRequest<TuningConfig>, result: AddResult): Tuning {
  const { ifName } = attachment;
  const mac = config.mac ?? macOf('MAC in CNI_ARGS', args.get('MAC')) ?? config.ownMac;
  const present = result.interfaces.find((each) => isInside(each, ifName))?.mac?.toLowerCase();
  return {
    link: { ...config.link, ...(mac === undefined || mac === present ? {} : { mac }) },
    sysctls: sysctlsFor(ifName, config.sysctls),
  };
}

export const isEmpty = ({ link, sysctls }: Tuning): boolean => Object.keys(link).length === 0 && sysctls.length === 0;

/** The result with what the interface has now. */
export const tuned = (result: AddResult, ifName: string, { link: { mac, mtu } }: Tuning): AddResult =>
  mac === undefined && mtu === undefined
    ? result
    : {
        ...result,
        interfaces: result.interfaces.map((each) =>
          isInside(each, ifName)
            ? {
                ...each,
                ...(mac === undefined ? {} : { mac }),
                ...(mtu === undefined || each.mtu === undefined ? {} : { mtu }),
              }
            : each,
        ),
      };
