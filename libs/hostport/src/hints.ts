/**
 * Hints about what attachments share, each one empty file (users.ts):
 *
 *   address/<family>-<protocol>-<port>/<attachment hash>       this port is published on one address
 *   chain/<chain named by its content>/<attachment hash>       an element of the attachment refers to this chain
 *   waiting/<container hash>/<network hash>.<attachment hash>  wants ports that the container has on another network
 *   localnet/<interface>/<attachment hash>                     is led to from 127.0.0.1, hence guarded
 *   localnet/<interface>/guarded                               has been put under guard
 *   set-before/<interface>/by-another                          its route_localnet was 1 before
 */
import { join } from 'node:path';
import { sha256Hex } from '@flatnet/digest';
import { type Owner, type Port, portsOf } from './model.ts';
import type { PublishRecord } from './record-file.ts';
import { chainNames } from './ruleset.ts';
import { Users } from './users.ts';

/** Which attachment: in the names of files. */
export type OwnerHashes = Pick<Owner, 'networkHash' | 'hash'>;

const containerKey = (containerId: string): string => sha256Hex(containerId).slice(0, 24);
const waitingUser = ({ networkHash, hash }: OwnerHashes): string => `${networkHash}.${hash}`;
const portName = ({ family, protocol, hostPort }: Port): string => `${family}-${protocol}-${hostPort}`;
/** At the end of the names of users that are attachments. */
const ATTACHMENT = /([0-9a-f]{24})$/;

export class Hints {
  readonly #address: Users;
  readonly #waiting: Users;
  /** Which attachments refer to a chain named by its content. */
  readonly chains: Users;
  /** Interfaces that were put under guard, and by which attachments. */
  readonly localnet: Users;
  /** Interfaces whose route_localnet is not flatnet's to take back. */
  readonly setBefore: Users;

  constructor(root: string) {
    const users = (kind: string): Users => new Users(join(root, kind));
    this.#address = users('address');
    this.#waiting = users('waiting');
    this.chains = users('chain');
    this.localnet = users('localnet');
    this.setBefore = users('set-before');
  }

  /** Says, before the claim in the kernel, that ports are about to be published on one address. */
  addAddresses(owner: Owner, ports: readonly Port[]): void {
    for (const port of ports) if (port.hostIp !== undefined) this.#address.add(portName(port), owner.hash);
  }

  dropAddresses(owner: Owner, ports: readonly Port[]): void {
    for (const port of ports) if (port.hostIp !== undefined) this.#address.drop(portName(port), owner.hash);
  }

  /** Whether one of these ports may be published on a single address: yes is a hint, no is a fact. */
  mayBeOnAddress(ports: readonly Port[]): boolean {
    if (this.#address.things().length === 0) return false;
    return ports.some((port) => port.hostIp === undefined && this.#address.has(portName(port)));
  }

  addWaiting(owner: Owner): void {
    this.#waiting.add(containerKey(owner.containerId), waitingUser(owner));
  }

  /** Says that the attachment takes nothing over any more. */
  dropWaiting(owner: Owner): void {
    this.#waiting.drop(containerKey(owner.containerId), waitingUser(owner));
  }

  /** Whether the attachment is one that may be handed ports. */
  isWaiting(owner: Owner): boolean {
    return this.#waiting.of(containerKey(owner.containerId)).includes(waitingUser(owner));
  }

  /** The attachments of a container that wait for ports of another one. */
  waitingOf(containerId: string): readonly OwnerHashes[] {
    return this.#waiting.of(containerKey(containerId)).map((user) => {
      const [networkHash = '', hash = ''] = user.split('.');
      return { networkHash, hash };
    });
  }

  /** Drops all hints that a record tells of. */
  dropAll(record: Pick<PublishRecord, 'owner' | 'publications' | 'hairpins' | 'localInterface'>): void {
    const { owner, localInterface } = record;
    this.dropAddresses(owner, portsOf(record.publications));
    for (const chain of chainNames(record)) this.chains.drop(chain, owner.hash);
    this.dropWaiting(owner);
    if (localInterface !== undefined) this.localnet.drop(localInterface, owner.hash);
  }

  /** The hints that are of one attachment each: not those of an interface. */
  all(): readonly { readonly hash: string; readonly drop: () => void }[] {
    return [this.#address, this.#waiting, this.chains, this.localnet].flatMap((kind) =>
      kind.things().flatMap((thing) =>
        kind.of(thing).flatMap((user) => {
          const hash = ATTACHMENT.exec(user)?.[1];
          return hash === undefined ? [] : [{ hash, drop: () => void kind.drop(thing, user) }];
        }),
      ),
    );
  }
}
