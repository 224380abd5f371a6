import { EINTR } from '@flatnet/sys';
import { NetlinkError } from '../error.ts';
import { dump } from '../request.ts';
import type { Socket } from '../socket.ts';
import { type Element, listElements } from './element.ts';
import type { SetRef } from './set.ts';

const TRIES = 20;

/**
 * All elements of a set or map. @throws NetlinkError: ENOENT, no such set; EINTR, the list was wrong each time.
 *
 * The kernel lists a hash table by places in it, and moves its elements while the table grows, which goes on after the transaction. Such a
 * list lacks some elements and has as many others twice, and no flag says so: it is read again.
 */
export function readElements(socket: Socket, set: SetRef): Element[] {
  for (let tries = TRIES; tries > 0; tries -= 1) {
    const parts = dump(socket, listElements(set));
    const elements = parts.flat();
    // Within a part nothing moves.
    if (parts.length <= 1 || !hasTwice(elements)) return elements;
  }
  throw new NetlinkError('NFT_MSG_GETSETELEM', EINTR, { reason: `the list was wrong in each of ${TRIES} readings` });
}

const hasTwice = (elements: readonly Element[]): boolean =>
  new Set(elements.map(({ key, isEnd }) => `${isEnd === true}${String.fromCharCode(...key)}`)).size < elements.length;
