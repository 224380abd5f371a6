import { execFileSync, spawnSync } from 'node:child_process';
import { openNodeSys } from '@flatnet/sys/node';
import { closeSocket, NETLINK_NETFILTER, NETLINK_ROUTE, openSocket, type Socket } from '../../src/index.ts';

export const sys = openNodeSys();

/** A network namespace of a test, as a machine of its own. */
export interface Host {
  readonly name: string;
  readonly path: string;
  readonly route: Socket;
  readonly nft: Socket;
  /** Runs a program inside and answers what it prints. */
  run(file: string, ...args: readonly string[]): string;
  /** The same with JSON. */
  json(file: string, ...args: readonly string[]): unknown;
  close(): void;
}

let count = 0;

/** Makes a namespace with two sockets inside. Needs root. */
export function openHost(): Host {
  const name = `nl-${process.pid}-${(count += 1)}`;
  execFileSync('ip', ['netns', 'add', name]);
  const path = `/run/netns/${name}`;
  const route = openSocket(sys, NETLINK_ROUTE, { netns: path });
  const nft = openSocket(sys, NETLINK_NETFILTER, { netns: path });
  const run = (file: string, ...args: readonly string[]): string => {
    const result = spawnSync('ip', ['netns', 'exec', name, file, ...args], { encoding: 'utf8', maxBuffer: 64 << 20 });
    if (result.status !== 0) throw new Error(`${file} ${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  };
  return {
    name,
    path,
    route,
    nft,
    run,
    json: (file, ...args) => JSON.parse(run(file, ...args) || '[]') as unknown,
    close() {
      closeSocket(route);
      closeSocket(nft);
      spawnSync('ip', ['netns', 'delete', name]);
    },
  };
}
