import { AddressError, parseIpOrCidr, type Ip } from '@flatnet/addressing';
import { CniError, ErrorCode } from '@flatnet/cni';
import type { CheckRequest } from '@flatnet/skel';
import type { Config } from './config.ts';
import { withStore } from './failure.ts';
import { storeOf } from './request.ts';

/** The attachment must have its lease, and prevResult must hold every address of it. Changes nothing. */
export const check = async (request: CheckRequest<Config>): Promise<void> => {
  const { containerId, ifName } = request.attachment;
  const lease = await withStore('look up the lease', () => storeOf(request).find(request.attachment));
  const failed = (message: string, details: string) => new CniError(ErrorCode.checkFailed, message, details);
  if (lease === undefined) {
    throw failed(
      `no address lease of container ${containerId}, interface ${ifName}`,
      `network ${request.network}, ${request.config.store.dataDir}; DEL and ADD the container again`,
    );
  }
  if (request.prevResult === undefined) return;
  const shown = new Set(request.prevResult.ips.flatMap(({ address }) => parsed(address)).map(String));
  const missing = lease.ips.filter((ip) => !shown.has(ip.toString()));
  if (missing.length === 0) return;
  throw failed(
    `leased address ${missing.join(', ')} is not in prevResult`,
    `prevResult has ${[...shown].join(', ') || 'no addresses'}; DEL and ADD the container again`,
  );
};

const parsed = (address: string): readonly Ip[] => {
  try {
    return [parseIpOrCidr(address).ip];
  } catch (error) {
    if (error instanceof AddressError) return [];
    throw error;
  }
};
