/** The tables of an attachment in the container's namespace, by which its rules send answers back, from ADD to DEL. */
import { ToolError } from '@flatnet/exec';
import type { Kernel, RouteSpec } from '@flatnet/kernel';

/** Tables below are the system's or the administrator's. */
const OWN_TABLES = 0x1000_0000;
const FIRST_NETWORK_TABLES = 0x2000_0000;

/** What answers from some addresses go by. */
export interface Back {
  readonly table: number;
  /** Without prefix. */
  readonly addresses: readonly string[];
  readonly ways: readonly { readonly route: RouteSpec; readonly onlink: boolean }[];
}

const digitsOf = (hostVeth: string): number => Number.parseInt(hostVeth.slice(2, 8), 16);

/** For the attachment's own addresses: the container's namespace holds a handful of tables, out of 16 million. */
export const ownTable = (hostVeth: string): number => OWN_TABLES + digitsOf(hostVeth);

/** For the addresses that the first network has given: this attachment made it, and its DEL clears it. */
export const firstNetworkTable = (hostVeth: string): number => FIRST_NETWORK_TABLES + digitsOf(hostVeth);

/**
 * A number that the kernel keeps for the administrator and makes no use of (ip-sysctl.rst, `tag`). The host end's says whether rules were
 * made for it in the container's namespace: rules do not go with an interface, and asking the namespace would cost every DEL some messages.
 */
const recordOf = (hostVeth: string): string => `/proc/sys/net/ipv4/conf/${hostVeth}/tag`;

export function recordRules(kernel: Kernel, hostVeth: string): void {
  try {
    kernel.proc.write(recordOf(hostVeth), '1');
  } catch {
    // Where /proc/sys is read-only, the rules stay as long as the namespace.
  }
}

/** Whether ADD made rules for this host end. To be asked while the link exists. */
export const hasSourceRules = (kernel: Kernel, hostVeth: string): boolean =>
  kernel.proc.read(recordOf(hostVeth)) === '1';

/**
 * Removes an attachment's rules, and what is in its tables, from a namespace that lives on. Only its own rules name them, so a namespace
 * that is another container's by now loses nothing.
 *
 * @throws RtnetlinkError, but not for a namespace that is gone.
 */
export function dropSourceRules(kernel: Kernel, hostVeth: string, netns: string): void {
  try {
    kernel.rtnetlink.clearTables([ownTable(hostVeth), firstNetworkTable(hostVeth)], netns);
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'not-found')) throw error;
  }
}
