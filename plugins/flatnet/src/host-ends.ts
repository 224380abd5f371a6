import type { Kernel, Link } from '@flatnet/kernel';
import { aliasPrefixes } from './naming.ts';

/** The host end's name by the first 12 digits of the attachment's hash. */
export const hostEndOf = (attachment: string): string => `fl${attachment}`;

/** Whether a link is the host end of an attachment of this network. */
export const isOf = (network: string, { alias }: Link): boolean =>
  aliasPrefixes(network).some((prefix) => alias?.startsWith(prefix) === true);

/** The attachments of a network that have a host end, by 12 digits each. @throws RtnetlinkError. */
export const listHostEnds = ({ rtnetlink }: Kernel, network: string): readonly string[] =>
  rtnetlink
    .listLinks({ kind: 'veth' })
    .filter((link) => isOf(network, link))
    .map(({ name }) => name.slice('fl'.length));
