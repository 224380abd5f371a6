/** Neighbours of a link: which MAC an IP address has, and for which addresses the host answers (proxies). */
import { type Message, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, type Query } from '../message.ts';
import { address as readIp, optional, present, readAttributes, u16, u32, u8 } from '../reader.ts';
import { ipBytes, macBytes, macText } from '../text.ts';
import { attribute, attributeU32 } from '../writer.ts';
import { RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH } from './constants.ts';
import { addressFamily, AF_INET, AF_INET6, type IpFamily } from './family.ts';
import {
  NDA_DST,
  NDA_IFINDEX,
  NDA_LLADDR,
  NEIGH_HEADER,
  neighHeader,
  NTF_PROXY,
  NUD_PERMANENT,
} from './neigh-header.ts';

interface Target {
  readonly index: number;
  /** An IP address without prefix. */
  readonly address: string;
}

/** Fixes the MAC of an address: the host never asks for it, and never forgets it. */
export const replaceNeighbour = ({ index, address, mac }: Target & { readonly mac: string }): Message => {
  const bytes = ipBytes(address);
  return {
    name: 'RTM_NEWNEIGH',
    type: RTM_NEWNEIGH,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    write(writer) {
      neighHeader(writer, familyOf(bytes), index, NUD_PERMANENT, 0);
      attribute(writer, NDA_DST, bytes);
      attribute(writer, NDA_LLADDR, macBytes(mac));
    },
  };
};

/** Lets the host answer on the link for an address that is elsewhere. EEXIST is not answered: the kernel takes it twice. */
export const addProxy = (target: Target): Message =>
  proxy(target, 'RTM_NEWNEIGH', RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL);

/** ENOENT: the host answers for no such address there. */
export const deleteProxy = (target: Target): Message => proxy(target, 'RTM_DELNEIGH', RTM_DELNEIGH, 0);

/** ENOENT: there is no such neighbour. */
export const deleteNeighbour = ({ index, address }: Target): Message =>
  entry({ index, address }, 'RTM_DELNEIGH', RTM_DELNEIGH, 0, 0);

const proxy = (target: Target, name: string, type: number, flags: number): Message =>
  entry(target, name, type, flags, NTF_PROXY);

function entry({ index, address }: Target, name: string, type: number, flags: number, ntf: number): Message {
  const bytes = ipBytes(address);
  return {
    name,
    type,
    flags,
    write(writer) {
      neighHeader(writer, familyOf(bytes), index, type === RTM_GETNEIGH ? 0 : NUD_PERMANENT, ntf);
      attribute(writer, NDA_DST, bytes);
    },
  };
}

const familyOf = (bytes: Uint8Array): number => (bytes.length === 4 ? AF_INET : AF_INET6);

/** A neighbour as the kernel describes it. */
export interface Neighbour {
  readonly index: number;
  readonly family: IpFamily;
  readonly address: string;
  /** Absent while the host asks for it, and for a proxy. */
  readonly mac?: string;
  /** NUD_* of linux/neighbour.h: 0x80 permanent, 0x02 reachable, 0x04 stale, 0x20 failed, … */
  readonly state: number;
  readonly permanent: boolean;
  readonly proxy: boolean;
}

/** One neighbour, or one proxy. For `get`; ENOENT: there is none. Since Linux 5.0. */
export const getNeighbour = ({
  index,
  address,
  proxy: isProxy,
}: Target & { readonly proxy?: boolean }): Query<Neighbour> => {
  const target = { index, address };
  return {
    ...entry(target, 'RTM_GETNEIGH', RTM_GETNEIGH, 0, isProxy === true ? NTF_PROXY : 0),
    decode: decodeNeighbour,
  };
};

/** The neighbours, or the proxies, of a link and a family. For `dump`. */
export const listNeighbours = (filter: {
  readonly family: IpFamily;
  readonly index?: number;
  readonly proxy?: boolean;
}): Query<Neighbour> => ({
  name: 'RTM_GETNEIGH',
  type: RTM_GETNEIGH,
  flags: 0,
  write(writer) {
    // Strict kernels want the index as an attribute, and no state.
    neighHeader(writer, addressFamily(filter.family), 0, 0, filter.proxy === true ? NTF_PROXY : 0);
    if (filter.index !== undefined && filter.proxy !== true) attributeU32(writer, NDA_IFINDEX, filter.index);
  },
  decode(body, type) {
    const neighbour = decodeNeighbour(body, type);
    return filter.index === undefined || neighbour?.index === filter.index ? neighbour : undefined;
  },
});

/** @throws WireError. */
export function decodeNeighbour(body: Uint8Array, type: number): Neighbour | undefined {
  const family = type === RTM_NEWNEIGH ? u8(body, 0) : 0;
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const attributes = readAttributes(body, NEIGH_HEADER);
  const address = optional(attributes, NDA_DST, readIp);
  if (address === undefined) return undefined;
  const state = u16(body, 8);
  return present<Neighbour>({
    index: u32(body, 4),
    family: family === AF_INET ? 4 : 6,
    address,
    mac: optional(attributes, NDA_LLADDR, macText),
    state,
    permanent: (state & NUD_PERMANENT) !== 0,
    proxy: (u8(body, 10) & NTF_PROXY) !== 0,
  });
}
