/** Transactions: all of their messages happen, or none, and no packet sees a part. */
import { SysError } from '@flatnet/sys';
import { NetlinkError } from '../error.ts';
import { addFlags, encode, type Message, NLM_F_ACK, NLMSG_ERROR, type Received, readOutcome } from '../message.ts';
import { nextSequence, receive, send, type Socket } from '../socket.ts';
import { attributeU32be, reset, written } from '../writer.ts';
import { BATCH_BEGIN, BATCH_END, NFNL_SUBSYS_NFTABLES } from './constants.ts';
import { nftHeader } from './family.ts';

export interface CommitOptions {
  /** The number of the ruleset that the messages were made for: where it is another by now, nothing happens (ERESTART). */
  readonly generation?: number;
}

/** NFNL_BATCH_GENID of linux/netfilter/nfnetlink.h */
const GENID = 1;

/**
 * Sends a transaction. An empty one is not sent.
 *
 * @throws NetlinkError of the first message that the kernel refused, `index` its place; -1 where the kernel refused the whole: ERESTART
 *   (stale generation), EPERM, ENOMEM. ENOBUFS, ETIMEDOUT and SysError leave open what happened.
 */
export function commit(socket: Socket, messages: readonly Message[], options: CommitOptions = {}): void {
  const [first] = attempt(socket, messages, options);
  if (first !== undefined) throw first;
}

/** The same, but returns all refusals: with one or more of them nothing happened. */
export function attempt(
  socket: Socket,
  messages: readonly Message[],
  options: CommitOptions = {},
): readonly NetlinkError[] {
  if (messages.length === 0) return [];
  const first = write(socket, messages, options);
  const bytes = written(socket.writer);
  if (bytes.length > SEND_BUFFER) growSendBuffer(socket, bytes.length);
  send(socket, bytes);
  return outcomes(socket, messages, first);
}

/** Writes the transaction and returns the number of its first message; that of BATCH_BEGIN is one less. */
function write(socket: Socket, messages: readonly Message[], options: CommitOptions): number {
  const { writer } = socket;
  reset(writer);
  encode(writer, frame('NFNL_MSG_BATCH_BEGIN', BATCH_BEGIN, options.generation), nextSequence(socket));
  const first = socket.sequence + 1;
  let last = 0;
  for (const message of messages) {
    last = writer.length;
    encode(writer, message, nextSequence(socket));
  }
  // Refusals come by themselves, in order. The answer to the last message ends them.
  addFlags(writer, last, NLM_F_ACK);
  encode(writer, frame('NFNL_MSG_BATCH_END', BATCH_END), nextSequence(socket));
  return first;
}

const frame = (name: string, type: number, generation?: number): Message => ({
  name,
  type,
  flags: 0,
  write(writer) {
    nftHeader(writer, undefined, NFNL_SUBSYS_NFTABLES);
    if (generation !== undefined) attributeU32be(writer, GENID, generation);
  },
});

function outcomes(socket: Socket, messages: readonly Message[], first: number): readonly NetlinkError[] {
  const failures: NetlinkError[] = [];
  const last = messages.length - 1;
  for (;;) {
    for (const received of receive(socket, messages[0] as Message)) {
      const index = received.sequence - first;
      if (received.type !== NLMSG_ERROR || index < -1 || index > last) continue;
      const failure = failureOf(received, messages[index]?.name ?? 'NFNL_MSG_BATCH_BEGIN', index);
      if (failure !== undefined) failures.push(failure);
      // A refusal of the whole is the only answer, as a rule; what else has come is read, so that no later call meets it.
      if (index === -1) return [...failures, ...drain(socket, messages, first)];
      if (index === last) return failures;
    }
  }
}

function drain(socket: Socket, messages: readonly Message[], first: number): NetlinkError[] {
  const failures: NetlinkError[] = [];
  for (;;) {
    const datagram = receive(socket, messages[0] as Message, false);
    if (datagram === undefined) return failures;
    for (const received of datagram) {
      const index = received.sequence - first;
      const name = messages[index]?.name;
      const failure =
        received.type === NLMSG_ERROR && name !== undefined ? failureOf(received, name, index) : undefined;
      if (failure !== undefined) failures.push(failure);
    }
  }
}

function failureOf(received: Received, name: string, index: number): NetlinkError | undefined {
  const { errno, ...refusal } = readOutcome(received);
  return errno === 0 ? undefined : new NetlinkError(name, errno, refusal, index);
}

/** A transaction is one datagram, and the kernel takes none that is larger than half of the send buffer. */
const SEND_BUFFER = 64_000;
/** asm-generic/socket.h */
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;

function growSendBuffer({ sys, fd }: Socket, bytes: number): void {
  const value = new Uint8Array(new Uint32Array([bytes + 4096]).buffer);
  try {
    sys.setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, value);
  } catch (error) {
    // Without the right to exceed the machine's limit, up to the limit is what can be had.
    if (!(error instanceof SysError)) throw error;
    sys.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, value);
  }
}
