import { attributeText, reserve, LITTLE_ENDIAN, type Writer } from '../writer.ts';
import { IFLA_ALT_IFNAME, IFLA_IFNAME, IFF_ALLMULTI, IFF_PROMISC, IFF_UP, MAX_NAME } from './constants.ts';
import type { LinkRef, LinkSettings } from './link.ts';

/** `struct ifinfomsg` of linux/rtnetlink.h: family, type, index, flags, and which of the flags are meant. */
export function linkHeader(writer: Writer, ref: LinkRef, settings: LinkSettings = {}, family = 0): void {
  const at = reserve(writer, 16);
  const { view } = writer;
  view.setUint8(at, family);
  if ('index' in ref) view.setInt32(at + 4, ref.index, LITTLE_ENDIAN);
  const flags = [
    [IFF_UP, settings.up],
    [IFF_PROMISC, settings.promiscuous],
    [IFF_ALLMULTI, settings.allMulticast],
  ] as const;
  const sum = (chosen: (value: boolean | undefined) => boolean): number =>
    flags.reduce((bits, [flag, value]) => (chosen(value) ? bits | flag : bits), 0);
  view.setUint32(
    at + 8,
    sum((value) => value === true),
    LITTLE_ENDIAN,
  );
  view.setUint32(
    at + 12,
    sum((value) => value !== undefined),
    LITTLE_ENDIAN,
  );
}

/** The name by which the link is meant; nothing when it is meant by index. */
export function linkName(writer: Writer, ref: LinkRef): void {
  if ('name' in ref) attributeText(writer, IFLA_IFNAME, checkedName(ref.name));
  if ('altName' in ref) attributeText(writer, IFLA_ALT_IFNAME, ref.altName);
}

/** The kernel would cut a longer name in some messages, and mean another link. @throws RangeError. */
export function checkedName(name: string): string {
  if (name === '' || new TextEncoder().encode(name).length > MAX_NAME) {
    throw new RangeError(`a name of a link has 1 to ${MAX_NAME} bytes: ${JSON.stringify(name)}`);
  }
  return name;
}
