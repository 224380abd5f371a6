import type { CniVersion } from '@flatnet/cni';
import type { Kernel } from '@flatnet/kernel';

/** An attachment as its runtime recorded it. */
export interface RecordedAttachment {
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  readonly netns: string;
  /** CNI_ARGS of ADD. */
  readonly args: ReadonlyMap<string, string>;
  readonly cniVersion: CniVersion;
  /** The main plugin's configuration as its executable got it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The result of ADD, in the form of `cniVersion`. */
  readonly result: unknown;
}

/** What the main plugin knows of an attachment's bridge, port, gateway addresses and forwarding. */
export interface HostSide {
  /** What is wrong, in the words of CHECK. Nothing is changed. */
  faults(recorded: RecordedAttachment, kernel: Kernel): Promise<readonly string[]>;
  /** Makes it as ADD made it. @returns what is wrong still. @throws CniError, RtnetlinkError. */
  restore(recorded: RecordedAttachment, kernel: Kernel): Promise<{ readonly left: readonly string[] }>;
}
