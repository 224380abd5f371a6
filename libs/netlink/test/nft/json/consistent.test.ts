/** A listing takes several requests: what another program changes between two of them shows wholly or not at all. */
import { closeSocket, NETLINK_NETFILTER, openSocket, type Socket } from '../../../src/index.ts';
import { printChain, printTable } from '../../../src/nft/json/print.ts';
import type { Sys } from '@flatnet/sys';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openHost, sys, type Host } from '../../support/host.ts';

const TABLE = { family: 'inet', table: 't' } as const;
const LONELY = 'add rule inet t lonely ip daddr { 10.0.0.1, 10.0.0.2 } accept';

let host: Host;
beforeAll(() => {
  host = openHost();
});
afterAll(() => host?.close());
beforeEach(() => {
  host.run('nft', `flush ruleset; add table inet t; add chain inet t lonely; ${LONELY}`);
});

/** A socket before whose n-th message (from 1) something else happens. */
function disturbed(at: (message: number) => void): Socket {
  let sent = 0;
  const other: Sys = {
    ...sys,
    send(fd, bytes, flags) {
      at((sent += 1));
      return sys.send(fd, bytes, flags);
    },
  };
  return openSocket(other, NETLINK_NETFILTER, { netns: host.path });
}

for (const [what, print] of [
  ['table', (socket: Socket) => printTable(socket, TABLE)],
  ['chain', (socket: Socket) => printChain(socket, { ...TABLE, chain: 'lonely' })],
] as const) {
  it(`a rule whose set goes with it at any moment does not make the ${what} missing`, () => {
    let messages = 0;
    const count = disturbed((message) => (messages = message));
    print(count);
    closeSocket(count);
    expect(messages).toBeGreaterThan(4);
    for (let at = 1; at <= messages; at += 1) {
      host.run('nft', `flush chain inet t lonely; ${LONELY}`);
      const socket = disturbed((message) => {
        if (message === at) host.run('nft', 'flush chain inet t lonely');
      });
      const printed = print(socket) ?? [];
      closeSocket(socket);
      expect(
        printed.filter((object) => 'chain' in object),
        `at ${at}`,
      ).toHaveLength(1);
      expect(
        printed.filter((object) => 'rule' in object),
        `at ${at}`,
      ).toEqual([]);
    }
  });
}

it('says busy, and not missing, of a table that changes all the time', () => {
  const socket = disturbed(() => host.run('nft', `flush chain inet t lonely; ${LONELY}`));
  expect(() => printTable(socket, TABLE)).toThrow(expect.objectContaining({ code: 'EINTR' }));
  closeSocket(socket);
});
