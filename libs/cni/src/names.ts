import { sha256Hex } from '@flatnet/digest';
import type { Attachment } from './attachment.ts';
import { shown } from './shown.ts';
import { CniError, ErrorCode } from './error.ts';

/** Grammar of container ids and network names (spec, "Parameters" and "Network configuration format"). */
const IDENTIFIER = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/**
 * Stricter than the kernel, which takes quotes, blanks, `$(…)` and control bytes: such names only ever come from an attack
 * or a slip. `%` would be expanded by the kernel (`eth%d` becomes eth0).
 */
const INTERFACE_NAME = /^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,14}$/;
/** Names that mean something else to /proc/sys/net or to every network namespace. */
const RESERVED_INTERFACES = new Set(['all', 'default', 'lo']);
const MAX_NETWORK_NAME = 255;

export const isIdentifier = (text: string): boolean => IDENTIFIER.test(text) && !text.endsWith('\n');

export const isInterfaceName = (text: string): boolean =>
  INTERFACE_NAME.test(text) && !text.endsWith('\n') && !RESERVED_INTERFACES.has(text);

/** @throws CniError code 4 unless `text` is a container id of the spec. */
export function assertContainerId(text: string): void {
  if (isIdentifier(text)) return;
  throw new CniError(
    ErrorCode.invalidEnvironment,
    `invalid container id ${shown(text)}`,
    'CNI_CONTAINERID must start with a letter or digit and hold only letters, digits, "_", "." and "-"',
  );
}

/** @throws CniError code 4 unless `text` can safely be an interface's name. */
export function assertIfName(text: string): void {
  if (isInterfaceName(text)) return;
  throw new CniError(
    ErrorCode.invalidEnvironment,
    `invalid interface name ${shown(text)}`,
    'CNI_IFNAME must be 1 to 15 letters, digits, "_", "." or "-", start with a letter, digit or "_", and not be all, default or lo',
  );
}

/** @throws CniError code 7 unless `name` is a network name of the spec. */
export function assertNetworkName(name: unknown): asserts name is string {
  if (name === undefined || name === null || name === '') {
    throw new CniError(ErrorCode.invalidConfig, 'missing network name', 'give the configuration a "name"');
  }
  if (typeof name === 'string' && isIdentifier(name) && name.length <= MAX_NETWORK_NAME) return;
  throw new CniError(
    ErrorCode.invalidConfig,
    `invalid network name ${shown(name)}`,
    `"name" must start with a letter or digit, hold only letters, digits, "_", "." and "-", and have at most ${MAX_NETWORK_NAME} characters`,
  );
}

const hex = (length: number, ...parts: readonly string[]): string => sha256Hex(parts.join('\0')).slice(0, length);

/** 24 hex digits that stand for (network, container, interface): in link names, comments and file names. */
export const attachmentHash = (network: string, { containerId, ifName }: Attachment): string =>
  hex(24, network, containerId, ifName);

/** 12 hex digits that stand for a network. */
export const networkHash = (network: string): string => hex(12, network);

/** An attachment with its network, and the hashes that stand for both. */
export interface AttachmentOwner extends Attachment {
  readonly network: string;
  readonly networkHash: string;
  readonly hash: string;
}

export const ownerOf = (network: string, attachment: Attachment): AttachmentOwner => ({
  network,
  containerId: attachment.containerId,
  ifName: attachment.ifName,
  networkHash: networkHash(network),
  hash: attachmentHash(network, attachment),
});
