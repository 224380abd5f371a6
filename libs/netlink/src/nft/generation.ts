/** The number of the ruleset: it changes with each transaction of anyone. */
import { EINTR, ENOENT } from '@flatnet/sys';
import { NetlinkError } from '../error.ts';
import type { Query } from '../message.ts';
import { readAttributes, required, u32be } from '../reader.ts';
import { get } from '../request.ts';
import type { Socket } from '../socket.ts';
import { GETGEN, NEWGEN } from './constants.ts';
import { HEADER, nftHeader } from './family.ts';

/** NFTA_GEN_ID of nf_tables.h */
const ID = 1;

export const getGeneration = (): Query<number> => ({
  name: 'NFT_MSG_GETGEN',
  type: GETGEN,
  flags: 0,
  write: (writer) => nftHeader(writer, undefined),
  decode: (body, type) => (type === NEWGEN ? required(readAttributes(body, HEADER), ID, u32be) : undefined),
});

const TRIES = 10;

/**
 * What several requests read, from one state of the ruleset. It is read again when a transaction came between: what an earlier request
 * showed may be gone for a later one.
 *
 * @throws NetlinkError: EINTR when the ruleset never stands still; what `read` throws.
 */
export function readConsistently<T>(socket: Socket, read: () => T): T {
  for (let tries = TRIES; tries > 0; tries -= 1) {
    const before = get(socket, getGeneration());
    const outcome = attempt(read);
    if (get(socket, getGeneration()) !== before) continue;
    if ('failed' in outcome) throw outcome.failed;
    return outcome.value;
  }
  throw new NetlinkError('NFT_MSG_GETGEN', EINTR, { reason: `the ruleset changed during each of ${TRIES} readings` });
}

function attempt<T>(read: () => T): { readonly value: T } | { readonly failed: NetlinkError } {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === ENOENT) return { failed: error };
    throw error;
  }
}
