import { AddressError, parseIpOrCidr, type Ip } from '@flatnet/addressing';
import { CniError, ErrorCode } from '@flatnet/cni';
import type { AddRequest, BaseRequest } from '@flatnet/skel';
import { isRunning, openStore, type LeaseStore } from '@flatnet/store';
import type { Wish } from './allocator.ts';
import { reserveKey, type Allocation, type Config } from './config.ts';

/** The store of the request's network. */
export const storeOf = ({ config: { store }, network }: BaseRequest<Config>): LeaseStore =>
  openStore({ dataDir: store.dataDir, network, ...(store.segment === undefined ? {} : { segment: store.segment }) });

/** The decoder gives ADD, CHECK and STATUS their allocation. */
export const allocationOf = ({ config, verb }: BaseRequest<Config>): Allocation => {
  if (config.allocation === undefined) throw new CniError(ErrorCode.internal, `no allocation decoded for ${verb}`);
  return config.allocation;
};

/** What is asked for, from all channels: CNI_ARGS (`IP`, `MAC`, `K8S_POD_NAME`), `args.cni` and `runtimeConfig`. */
export const wishOf = (request: AddRequest<Config>): Wish => {
  const allocation = allocationOf(request);
  const name = nameOf(request);
  const mac = request.args.get('MAC') ?? allocation.mac;
  return {
    allocation,
    requested: [...addressesOfArgs(request.args.get('IP') ?? ''), ...allocation.requested],
    ...(name === undefined ? {} : { name }),
    ...(mac === undefined ? {} : { mac: reserveKey(mac) }),
    cooldown: request.config.store.cooldown,
  };
};

/** Podman and Kubernetes tell the container's (pod's) name this way. */
export const nameOf = ({ args }: BaseRequest<Config>): string | undefined => args.get('K8S_POD_NAME') || undefined;

/** `IP` of CNI_ARGS: one address, or several parted by commas. */
const addressesOfArgs = (text: string): readonly Ip[] => {
  try {
    return text === '' ? [] : text.split(',').map((part) => parseIpOrCidr(part).ip);
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw new CniError(ErrorCode.invalidEnvironment, 'invalid IP in CNI_ARGS', error.message, { cause: error });
  }
};

const PARENT_AT_START = process.ppid;

/**
 * Whether the main plugin that executed us is gone. If it died while we run, our parent changed. If it died before we looked for the
 * first time, only FLATNET_PPID (set by flatnet's own main plugin) tells.
 */
export const parentWatch = (env: Readonly<Record<string, string | undefined>>): (() => boolean) => {
  const told = /^[1-9][0-9]{0,9}$/.exec(env['FLATNET_PPID'] ?? '')?.[0];
  const main = told === undefined ? undefined : Number(told);
  return () => {
    if (process.ppid !== PARENT_AT_START) return true;
    // A wrapper may stand between the main plugin and us, so another parent alone proves nothing.
    return main !== undefined && main !== PARENT_AT_START && !isRunning(main);
  };
};
