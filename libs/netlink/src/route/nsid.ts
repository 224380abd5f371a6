/** Ids by which one network namespace knows another: what `Link.parentNetnsId` is. */
import type { Query } from '../message.ts';
import { i32, readAttributes, required } from '../reader.ts';
import { attributeU32, reserve, type Writer } from '../writer.ts';
import { RTM_GETNSID, RTM_NEWNSID } from './constants.ts';

/** NETNSA_* of linux/net_namespace.h */
const NSID = 1;
const FD = 3;
const HEADER = 4;

/** The id of the namespace behind the descriptor, as the socket's namespace knows it; -1 when it has none. */
export const getNsid = (fd: number): Query<number> => ({
  name: 'RTM_GETNSID',
  type: RTM_GETNSID,
  flags: 0,
  write(writer: Writer) {
    reserve(writer, HEADER);
    attributeU32(writer, FD, fd);
  },
  decode: (body, type) => (type === RTM_NEWNSID ? required(readAttributes(body, HEADER), NSID, i32) : undefined),
});
