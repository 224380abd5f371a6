import { CniError, ErrorCode, networkHash, shown } from '@flatnet/cni';
import type { BaseRequest } from '@flatnet/skel';
import type { FlatnetConfig } from './config.ts';
import { attachmentNames, type AttachmentNames } from './naming.ts';
import type { Attachment } from '@flatnet/cni';

/** Who and where: everything about one attachment that is known before anything is asked or changed. */
export interface Plan extends AttachmentNames {
  readonly network: string;
  /** Stands for the network in nft names. */
  readonly tag: string;
  readonly ifName: string;
  readonly config: FlatnetConfig;
}

type Request = BaseRequest<FlatnetConfig> & { readonly attachment: Attachment };

/** @throws CniError code 7 (or 4) for a MAC that is not one. */
export function planOf(request: Request): Plan {
  const { network, attachment, config } = request;
  const names = attachmentNames(network, attachment);
  const wished = config.mac ?? (request.args.get('MAC') || undefined);
  return {
    ...names,
    ...{ network, config, tag: networkHash(network), ifName: attachment.ifName },
    containerMac: wished === undefined ? names.containerMac : parseMac(wished),
  };
}

/** The grammar of Go's net.ParseMAC for 6 bytes, as lower case with colons. */
const MAC = /^[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}$|^(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}$/i;

/** @throws CniError code 7. */
export function parseMac(text: string): string {
  const refuse = (why: string): never => {
    throw new CniError(ErrorCode.invalidConfig, `invalid MAC address ${shown(text)}`, why);
  };
  if (!MAC.test(text) || text.endsWith('\n')) refuse('write it as six hexadecimal bytes, like 02:42:0a:57:01:02');
  const bytes =
    text
      .toLowerCase()
      .replace(/[^0-9a-f]/g, '')
      .match(/../g) ?? [];
  if (bytes.every((byte) => byte === '00')) refuse('all zero is no address of an interface');
  if ((Number.parseInt(bytes[0] ?? '', 16) & 1) === 1)
    refuse('it is a multicast address: the lowest bit of the first byte is set');
  return bytes.join(':');
}
