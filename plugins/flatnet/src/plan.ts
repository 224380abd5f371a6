import { CniError, ErrorCode, networkHash, shown, stableMac, type Attachment } from '@flatnet/cni';
import { machineId, type Kernel } from '@flatnet/kernel';
import type { BaseRequest } from '@flatnet/skel';
import type { FlatnetConfig } from './config.ts';
import { attachmentNames, type AttachmentNames } from './naming.ts';
import type { Topology } from './topology.ts';

/** Names and places: everything about one attachment that is known before anything is asked or changed. */
export interface Plan extends AttachmentNames {
  readonly network: string;
  /** Stands for the network in nft names. */
  readonly tag: string;
  readonly ifName: string;
  readonly config: FlatnetConfig;
  /** Whether the user or the runtime chose the container's MAC. */
  readonly isMacChosen: boolean;
}

type Request = BaseRequest<FlatnetConfig> & { readonly attachment: Attachment };

/** @throws CniError code 7 (or 4) for a MAC that is not one. */
export function planOf(request: Request): Plan {
  const { network, attachment, config } = request;
  const names = attachmentNames(network, attachment);
  const wished = config.mac ?? (request.args.get('MAC') || undefined);
  return {
    ...names,
    ...{ network, config, tag: networkHash(network), ifName: attachment.ifName, isMacChosen: wished !== undefined },
    containerMac: wished === undefined ? names.containerMac : parseMac(wished),
  };
}

/** The dhcp plugin speaks through the interface before it has an address, and its server knows the lease by that MAC. */
const NEEDS_MAC = 'dhcp';

/**
 * The plan with the MAC that the container's interface ends up with. Unless it was chosen, it follows from (machine, network, first
 * address): host and siblings remember the MAC of an address for up to a minute, and it is still right when the address has gone to
 * another container. Two networks on one bridge never share a MAC.
 */
export function withFinalMac(kernel: Kernel, plan: Plan, topology: Topology | undefined): Plan {
  const [first] = topology?.addresses ?? [];
  if (plan.isMacChosen || first === undefined || plan.config.ipamType === NEEDS_MAC) return plan;
  return { ...plan, containerMac: stableMac('container', machineId(kernel), plan.network, String(first.cidr.ip)) };
}

/** The grammar of Go's net.ParseMAC for 6 bytes, as lower case with colons. */
const MAC = /^[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}$|^(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}$/i;

/** @throws CniError code 7. */
export function parseMac(text: string): string {
  const refuse = (why: string): never => {
    throw new CniError(ErrorCode.invalidConfig, `invalid MAC address ${shown(text)}`, why);
  };
  if (!MAC.test(text) || text.endsWith('\n')) refuse('write it as six hexadecimal bytes, like 02:42:0a:57:01:02');
  const bytes =
    text
      .toLowerCase()
      .replace(/[^0-9a-f]/g, '')
      .match(/../g) ?? [];
  if (bytes.every((byte) => byte === '00')) refuse('all zero is no address of an interface');
  if ((Number.parseInt(bytes[0] ?? '', 16) & 1) === 1)
    refuse('it is a multicast address: the lowest bit of the first byte is set');
  return bytes.join(':');
}
