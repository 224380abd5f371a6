/** What can be asked of a socket: one change, one answer, a list, many changes at once. */
import { EINTR } from '@flatnet/sys';
import { NetlinkError } from './error.ts';
import {
  addFlags,
  encode,
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_OVERRUN,
  type Query,
  type Received,
  readOutcome,
} from './message.ts';
import { expectList, nextSequence, receive, send, type Socket } from './socket.ts';
import { reset, written } from './writer.ts';

/** Sends one change and waits until it is made. @throws NetlinkError, SysError. */
export function request(socket: Socket, message: Message): void {
  const [error] = batch(socket, [message]);
  if (error !== undefined) throw error;
}

/** Asks for one thing. @throws NetlinkError: ENOENT, ENODEV where there is no such thing. */
export function get<T>(socket: Socket, query: Query<T>): T {
  const sequence = nextSequence(socket);
  reset(socket.writer);
  encode(socket.writer, query, sequence);
  send(socket, written(socket.writer));
  for (;;) {
    for (const received of receive(socket, query)) {
      if (received.sequence !== sequence) continue;
      if (received.type === NLMSG_ERROR) throwOutcome(query, received);
      const value = query.decode(received.body, received.type);
      if (value !== undefined) return value;
    }
  }
}

/** `get`, or undefined when the kernel answers one of `absent`, numbers of errno(3). */
export function find<T>(socket: Socket, query: Query<T>, ...absent: readonly number[]): T | undefined {
  try {
    return get(socket, query);
  } catch (error) {
    if (error instanceof NetlinkError && absent.includes(error.errno)) return undefined;
    throw error;
  }
}

/** How often a dump is repeated during which the things changed that it lists. */
const DUMP_TRIES = 10;

/** Lists things. It is repeated when they changed meanwhile. @throws NetlinkError: EINTR when they never stand still. */
export function dump<T>(socket: Socket, query: Query<T>): T[] {
  for (let tries = DUMP_TRIES; tries > 0; tries -= 1) {
    const values = dumpOnce(socket, query);
    if (values !== undefined) return values;
  }
  throw new NetlinkError(query.name, EINTR, { reason: `the list changed during each of ${DUMP_TRIES} readings` });
}

/** Undefined when the list was interrupted: it may lack things, or have some twice. */
function dumpOnce<T>(socket: Socket, query: Query<T>): T[] | undefined {
  const sequence = nextSequence(socket);
  reset(socket.writer);
  encode(socket.writer, query, sequence, NLM_F_REQUEST | NLM_F_DUMP);
  expectList(socket);
  send(socket, written(socket.writer));
  const values: T[] = [];
  let interrupted = false;
  for (;;) {
    for (const received of receive(socket, query)) {
      if (received.sequence !== sequence) continue;
      if ((received.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
      if (received.type === NLMSG_DONE || received.type === NLMSG_ERROR) {
        const { errno, ...refusal } = readOutcome(received);
        if (errno === EINTR) return undefined;
        if (errno !== 0) throw new NetlinkError(query.name, errno, refusal);
        return interrupted ? undefined : values;
      }
      if (received.type === NLMSG_OVERRUN) return undefined;
      const value = query.decode(received.body, received.type);
      if (value !== undefined) values.push(value);
    }
  }
}

/** As many go in one datagram: their errors must fit into the socket's receive buffer, and the whole into its send buffer. */
const PER_SEND = 64;
const BYTES_PER_SEND = 64_000;

/**
 * Sends changes of rtnetlink or conntrack, many in one system call. They are independent: the kernel goes on after one that fails. Returns
 * the failures in order, each with the `index` of its message; none means that all is done.
 *
 * What depends on another's success belongs into a call after it. nf_tables has transactions instead: `nft/batch.ts`.
 *
 * @throws NetlinkError ETIMEDOUT, ENOBUFS; SysError: what was done is not known.
 */
export function batch(socket: Socket, messages: readonly Message[]): readonly NetlinkError[] {
  const failures: NetlinkError[] = [];
  let at = 0;
  while (at < messages.length) at = sendSome(socket, messages, at, failures);
  return failures;
}

/** Sends from `from` on as many as go at once, and returns how far that was. */
function sendSome(socket: Socket, messages: readonly Message[], from: number, failures: NetlinkError[]): number {
  const { writer } = socket;
  reset(writer);
  const first = socket.sequence + 1;
  let end = from;
  let last = 0;
  for (const message of messages.slice(from, from + PER_SEND)) {
    if (writer.length > BYTES_PER_SEND) break;
    last = writer.length;
    encode(writer, message, nextSequence(socket));
    end += 1;
  }
  // Errors come without being asked for. The last message's acknowledgement ends the answers, and saves a datagram for each other.
  addFlags(writer, last, NLM_F_ACK);
  send(socket, written(writer));
  collect(socket, messages.slice(from, end), from, first, failures);
  return end;
}

/** Reads the outcomes of `messages`, whose numbers begin with `first`, until that of the last. */
function collect(
  socket: Socket,
  messages: readonly Message[],
  from: number,
  first: number,
  failures: NetlinkError[],
): void {
  for (;;) {
    for (const received of receive(socket, messages[0] as Message)) {
      const index = received.sequence - first;
      const message = messages[index];
      if (message === undefined || received.type !== NLMSG_ERROR) continue;
      const { errno, ...refusal } = readOutcome(received);
      if (errno !== 0) failures.push(new NetlinkError(message.name, errno, refusal, from + index));
      if (index === messages.length - 1) return;
    }
  }
}

function throwOutcome(message: Message, received: Received): void {
  const { errno, ...refusal } = readOutcome(received);
  if (errno !== 0) throw new NetlinkError(message.name, errno, refusal);
}
