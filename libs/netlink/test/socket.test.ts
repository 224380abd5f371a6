import { EAGAIN, EINTR, ENOBUFS, type Sys, SysError } from '@flatnet/sys';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  closeSocket,
  dump,
  get,
  NETLINK_ROUTE,
  type NetlinkError,
  openSocket,
  type Query,
  request,
} from '../src/index.ts';
import { HEADER } from '../src/message.ts';
import { commit } from '../src/nft/batch.ts';
import { addElements, getElement } from '../src/nft/element.ts';
import { readElements } from '../src/nft/read-elements.ts';
import { addSet } from '../src/nft/set.ts';
import { addTable } from '../src/nft/table.ts';
import { native32 } from '../src/nft/value.ts';
import { getLink, listLinks } from '../src/route/read-link.ts';
import { setLink } from '../src/route/set-link.ts';
import { type Host, openHost, sys } from './support/host.ts';

let host: Host;
beforeAll(() => {
  host = openHost();
});
afterAll(() => host.close());

describe('a socket', () => {
  it('grows its buffer to what comes', () => {
    const whole = get(host.route, getLink({ name: 'lo' }));
    const socket = openSocket(sys, NETLINK_ROUTE, { netns: host.path });
    socket.buffer = new Uint8Array(16);
    expect(get(socket, getLink({ name: 'lo' }))).toEqual(whole);
    expect(dump(socket, listLinks())).toEqual([whole]);
    closeSocket(socket);
  });

  it('sends a transaction that is larger than its buffer, and reads the list of it', () => {
    const T = { family: 'inet', table: 'large' } as const;
    const set = { ...T, set: 'all' };
    const elements = Array.from({ length: 20_000 }, (_, n) => ({
      key: native32(n),
      data: native32(n + 1),
      comment: `number ${n}`,
    }));
    const messages = addElements(set, elements);
    expect(messages.length).toBeGreaterThan(10);
    commit(host.nft, [addTable(T), addSet({ ...set, key: 'mark', data: 'mark' }), ...messages]);
    const read = readElements(host.nft, set);
    expect(read).toHaveLength(elements.length);
    expect(new Set(read.map(({ comment }) => comment)).size).toBe(elements.length);
    expect(get(host.nft, getElement(set, native32(12_345)))).toEqual(elements[12_345]);
    commit(host.nft, [addTable(T)]);
  });

  it('refuses a limit of time that would be none', () => {
    expect(() => openSocket(sys, NETLINK_ROUTE, { timeoutMs: 0 })).toThrow(RangeError);
  });
});

/** A datagram with one message of this type, flags and body; the sender's port is 0, the kernel's, when absent. */
interface Answer {
  readonly type: number;
  readonly flags?: number;
  readonly body?: readonly number[];
  readonly sequence?: number;
  readonly port?: number;
}

/** A kernel that answers each request with the next of these lists; EAGAIN when there is nothing left. */
function scripted(...answers: readonly (readonly (Answer | number)[])[]): { sys: Sys; sent: () => number } {
  const scripts = [...answers];
  let queue: (Answer | number)[] = [];
  let sequence = 0;
  let sent = 0;
  const fake: Partial<Sys> = {
    socket: () => 9,
    setsockopt: () => undefined,
    close: () => undefined,
    send(_fd, bytes) {
      sequence = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
      sent += 1;
      queue = [...(scripts.shift() ?? [])];
      return bytes.length;
    },
    recvfrom(_fd, into, flags, from) {
      const MSG_PEEK = 2;
      const next = queue[0];
      if (next === undefined) throw new SysError('recvfrom', EAGAIN);
      if ((flags & MSG_PEEK) === 0 || typeof next === 'number') queue.shift();
      if (typeof next === 'number') throw new SysError('recvfrom', next);
      const body = next.body ?? [];
      const bytes = new Uint8Array(HEADER + body.length);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, bytes.length, true);
      view.setUint16(4, next.type, true);
      view.setUint16(6, next.flags ?? 0, true);
      view.setUint32(8, next.sequence ?? sequence, true);
      bytes.set(body, HEADER);
      into.set(bytes.subarray(0, into.length));
      new DataView(from.buffer).setUint32(4, next.port ?? 0, true);
      return bytes.length;
    },
  };
  return { sys: fake as Sys, sent: () => sent };
}

const query: Query<number> = {
  name: 'ASK',
  type: 100,
  flags: 0,
  write: () => undefined,
  decode: (body, type) => (type === 101 ? body[0] : undefined),
};
const DONE: Answer = { type: 3, body: [0, 0, 0, 0] };
const value = (byte: number, rest: Partial<Answer> = {}): Answer => ({ type: 101, body: [byte], ...rest });
const INTERRUPTED = { flags: 0x10 };
const opened = (kernel: Sys) => openSocket(kernel, NETLINK_ROUTE, { timeoutMs: 10 });
const code = (name: string) => expect.objectContaining({ code: name }) as NetlinkError;

describe('answers', () => {
  it('that do not come end the wait with a typed error', () => {
    expect(() => get(opened(scripted([]).sys), query)).toThrow(code('ETIMEDOUT'));
    expect(() => dump(opened(scripted([value(1)]).sys), query)).toThrow(code('ETIMEDOUT'));
    expect(() => request(opened(scripted([]).sys), setLink({ index: 1 }, {}))).toThrow(code('ETIMEDOUT'));
  });

  it('of another sender than the kernel, or to another question, are not read', () => {
    const forged = value(66, { port: 4242 });
    const late = value(67, { sequence: 999 });
    expect(get(opened(scripted([forged, late, value(1)]).sys), query)).toBe(1);
    expect(dump(opened(scripted([forged, value(1), late, DONE]).sys), query)).toEqual([1]);
  });

  it('of a list that changed meanwhile are read again', () => {
    const kernel = scripted(
      [value(1, INTERRUPTED), DONE],
      [value(1), { ...DONE, ...INTERRUPTED }],
      [value(1), value(2), DONE],
    );
    expect(dump(opened(kernel.sys), query)).toEqual([1, 2]);
    expect(kernel.sent()).toBe(3);
  });

  it('of a list that never stands still end in an error', () => {
    const kernel = scripted(...new Array<readonly Answer[]>(50).fill([value(1, INTERRUPTED), DONE]));
    expect(() => dump(opened(kernel.sys), query)).toThrow(code('EINTR'));
    expect(kernel.sent()).toBe(10);
    const DONE_EINTR: Answer = { type: 3, body: [-EINTR & 0xff, 0xff, 0xff, 0xff] };
    expect(dump(opened(scripted([DONE_EINTR], [value(3), DONE]).sys), query)).toEqual([3]);
  });

  it('that were lost are an error, not a shorter list', () => {
    expect(() => dump(opened(scripted([value(1), ENOBUFS]).sys), query)).toThrow(code('ENOBUFS'));
  });

  it('that end a list with an error pass it on', () => {
    const DONE_ENOENT: Answer = { type: 3, body: [-2 & 0xff, 0xff, 0xff, 0xff] };
    expect(() => dump(opened(scripted([DONE_ENOENT]).sys), query)).toThrow(code('ENOENT'));
  });
});
