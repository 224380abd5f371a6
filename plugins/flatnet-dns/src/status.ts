import { CniError, ErrorCode } from '@flatnet/cni';
import type { StatusRequest } from '@flatnet/skel';
import type { DnsConfig } from './config.ts';
import type { Deps } from './deps.ts';

/** STATUS. There is a dnsmasq to start. @throws CniError code 50 with the package to install. */
export async function status(deps: Deps, _request: StatusRequest<DnsConfig>): Promise<void> {
  if (deps.dnsmasq() !== undefined) return;
  throw new CniError(
    ErrorCode.notAvailable,
    'flatnet-dns cannot serve names',
    'dnsmasq is not installed; install the package dnsmasq-base (Debian) or dnsmasq',
  );
}
