/** What a setup made, until its teardown: by which a container that died without one is found. */
import type { Attach, AttachmentOwner, ChainConfig } from '@flatnet/cni';
import { RecordFolder, type RecordOf } from '@flatnet/kernel/state';

/** Below it: a folder for each boot and network namespace of the host (`RecordFolder`). */
export const DRIVER_STATE_DIR = '/run/flatnet/netavark';

export interface DriverRecord extends RecordOf<AttachmentOwner> {
  /** Podman's id of the network. */
  readonly networkId: string;
  readonly bridge: string;
  /** `device:inode` of the namespace at setup; empty where setup could not see it. */
  readonly netnsId: string;
  readonly netns: string;
  readonly chain: ChainConfig;
  readonly attach: Attach;
  /** Absent while setup is under way. */
  readonly result?: Readonly<Record<string, unknown>>;
}

export const driverRecords = (stateDir = DRIVER_STATE_DIR): RecordFolder<DriverRecord> => new RecordFolder(stateDir);
