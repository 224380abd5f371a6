/** Messages that change or remove a link that is there. NetlinkError ENODEV: there is no such link. */
import { type Message, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL } from '../message.ts';
import { attributeChars, attributeText, attributeU8, nested, type Writer } from '../writer.ts';
import { type BridgeSettings, writeBridge } from './bridge.ts';
import * as c from './constants.ts';
import { AF_BRIDGE, AF_INET6 } from './family.ts';
import { checkedName, linkHeader, linkName } from './link-header.ts';
import { ADDR_GEN_MODES, type AddrGenMode, type LinkRef, type LinkSettings } from './link.ts';
import { linkAttributes } from './new-link.ts';
import { type PortSettings, writePort } from './port.ts';

/** What can be changed in one message. `name` renames, which a link that is up refuses on old kernels (EBUSY before 6.2). */
export interface Changes extends LinkSettings {
  /** A free text of up to 255 bytes; an empty one takes it away. */
  readonly alias?: string;
  readonly addrGenMode?: AddrGenMode;
  /** For a link that is a bridge. */
  readonly bridge?: BridgeSettings;
}

const message = (name: string, type: number, flags: number, write: (writer: Writer) => void): Message => ({
  name,
  type,
  flags,
  write,
});

export const setLink = (ref: LinkRef, changes: Changes): Message =>
  message('RTM_NEWLINK', c.RTM_NEWLINK, 0, (writer) => {
    linkHeader(writer, ref, changes);
    linkName(writer, ref);
    const { name, alias, addrGenMode, bridge } = changes;
    if (name !== undefined) {
      if (!('index' in ref)) throw new RangeError('a link is renamed by its index');
      attributeText(writer, c.IFLA_IFNAME, checkedName(name));
    }
    linkAttributes(writer, changes);
    if (alias !== undefined) attributeChars(writer, c.IFLA_IFALIAS, alias);
    if (addrGenMode !== undefined) {
      nested(writer, c.IFLA_AF_SPEC, () =>
        nested(writer, AF_INET6, () =>
          attributeU8(writer, c.IFLA_INET6_ADDR_GEN_MODE, ADDR_GEN_MODES.indexOf(addrGenMode)),
        ),
      );
    }
    if (bridge !== undefined) {
      nested(writer, c.IFLA_LINKINFO, () => {
        attributeChars(writer, c.IFLA_INFO_KIND, 'bridge');
        nested(writer, c.IFLA_INFO_DATA, () => writeBridge(writer, bridge));
      });
    }
  });

/**
 * Settings of a bridge's port, by its index: this message knows no names. NetlinkError EINVAL, EOPNOTSUPP: the link is no port of a
 * bridge.
 */
export const setPort = (index: number, settings: PortSettings): Message =>
  message('RTM_SETLINK', c.RTM_SETLINK, 0, (writer) => {
    linkHeader(writer, { index }, {}, AF_BRIDGE);
    nested(writer, c.IFLA_PROTINFO | c.NESTED, () => writePort(writer, settings));
  });

/** The same in a message that knows names, for a port that is made in the same batch. */
export const setPortOf = (ref: LinkRef, settings: PortSettings): Message =>
  message('RTM_NEWLINK', c.RTM_NEWLINK, 0, (writer) => {
    linkHeader(writer, ref);
    linkName(writer, ref);
    nested(writer, c.IFLA_LINKINFO, () => {
      attributeText(writer, c.IFLA_INFO_SLAVE_KIND, 'bridge');
      nested(writer, c.IFLA_INFO_SLAVE_DATA, () => writePort(writer, settings));
    });
  });

/** Removes a link, and the other end of a veth with it. */
export const deleteLink = (ref: LinkRef): Message =>
  message('RTM_DELLINK', c.RTM_DELLINK, 0, (writer) => {
    linkHeader(writer, ref);
    linkName(writer, ref);
  });

/** Gives alternative names. NetlinkError EEXIST: a link has one of them; those before it are given. */
export const addAltName = (ref: LinkRef, ...names: readonly string[]): Message =>
  message('RTM_NEWLINKPROP', c.RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, (writer) =>
    altNames(writer, ref, names),
  );

/** Takes alternative names away. NetlinkError ENOENT: the link has no such name. */
export const deleteAltName = (ref: LinkRef, ...names: readonly string[]): Message =>
  message('RTM_DELLINKPROP', c.RTM_DELLINKPROP, 0, (writer) => altNames(writer, ref, names));

function altNames(writer: Writer, ref: LinkRef, names: readonly string[]): void {
  linkHeader(writer, ref);
  linkName(writer, ref);
  nested(writer, c.IFLA_PROP_LIST | c.NESTED, () => {
    for (const name of names) attributeText(writer, c.IFLA_ALT_IFNAME, name);
  });
}
