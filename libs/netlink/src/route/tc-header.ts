/** What messages about disciplines, classes and filters have in common. */
import type { Message } from '../message.ts';
import { LITTLE_ENDIAN, reserve, type Writer } from '../writer.ts';

/** TCA_* of linux/rtnetlink.h */
export const TCA_KIND = 1;
export const TCA_OPTIONS = 2;
/** linux/pkt_sched.h: parents that are places of a link. */
export const TC_H_ROOT = 0xffffffff;
export const TC_H_INGRESS = 0xfffffff1;
/** The handle of the hook for what comes. */
export const INGRESS_HANDLE = 0xffff0000;
/** The parent of filters for what comes, of both kinds of hook (TC_H_MIN_INGRESS). */
export const INGRESS_FILTERS = 0xfffffff2;
export const TC_HEADER = 20;

/** `1:` and `1:2` of tc(8). */
export const handleOf = (major: number, minor = 0): number => ((major << 16) | minor) >>> 0;

/** Where a discipline, class or filter is: its own handle, and that of what it is attached to. */
export interface TcPlace {
  readonly index: number;
  readonly handle?: number;
  readonly parent?: number;
  /** Of a filter: its preference in the upper half, its protocol in network order in the lower. */
  readonly info?: number;
}

/** `struct tcmsg`: family, three bytes unused, index, handle, parent, info. */
export function tcHeader(writer: Writer, { index, handle, parent, info }: TcPlace): void {
  const at = reserve(writer, TC_HEADER);
  const { view } = writer;
  view.setInt32(at + 4, index, LITTLE_ENDIAN);
  view.setUint32(at + 8, handle ?? 0, LITTLE_ENDIAN);
  view.setUint32(at + 12, parent ?? 0, LITTLE_ENDIAN);
  view.setUint32(at + 16, info ?? 0, LITTLE_ENDIAN);
}

export const tcMessage = (name: string, type: number, flags: number, write: (writer: Writer) => void): Message => ({
  name,
  type,
  flags,
  write,
});
