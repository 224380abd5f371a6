/**
 * What the kernel cannot tell: which attachment published what, under its name. One small file per attachment:
 *
 *   <stateDir>/<boot id>.<cookie of the host's network namespace>/<network hash>/<attachment hash>.json    its plan
 *
 * and beside them hints about what is shared, each one empty file (users.ts):
 *
 *   <stateDir>/<…>/address/<family>-<protocol>-<port>/<attachment hash>      this port is published on one address
 *   <stateDir>/<…>/chain/<chain named by its content>/<attachment hash>      an element of the attachment refers to this chain
 *   <stateDir>/<…>/waiting/<container hash>/<network hash>.<attachment hash>  wants ports that the container has on another network
 *   <stateDir>/<…>/localnet/<interface>/<attachment hash>                    is led to from 127.0.0.1, hence guarded
 *   <stateDir>/<…>/localnet/<interface>/guarded                              has been put under guard
 *   <stateDir>/<…>/set-before/<interface>/by-another                         its route_localnet was 1 before
 *
 * The elements in the kernel are the claims; a record only says where to look, so that DEL lists nothing, a conflict can name its
 * owner, and `reload` can rebuild. It is written before the first element and removed after the last. The rules live in one network
 * namespace until the next boot, and so does the folder's name: records of another boot are never read.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '@flatnet/digest';
import { adoptedGeneration, currentGeneration, ignoring, isMissing, safeRead } from '@flatnet/kernel/state';
import { type Owner, type Plan, type Port, type Publication, portsOf } from './model.ts';
import { chainNames } from './ruleset.ts';
import { Users } from './users.ts';

export const DEFAULT_STATE_DIR = '/run/flatnet/hostport';

/** A plan, and how to tell whether its container is still there. */
export interface PublishRecord extends Plan {
  readonly version: 1;
  /** CNI_NETNS at ADD, and `device:inode` of what it was; empty where ADD could not see it. */
  readonly netns: string;
  readonly netnsId: string;
  /** Names of the host ends that another main plugin than flatnet made. */
  readonly hostEnds?: readonly string[];
  /** Wanted too, but another attachment of the same container has them; they become ours when it goes. */
  readonly waiting?: readonly Publication[];
}

const containerKey = (containerId: string): string => sha256Hex(containerId).slice(0, 24);

const portName = ({ family, protocol, hostPort }: Port): string => `${family}-${protocol}-${hostPort}`;

const HEX = { network: /^[0-9a-f]{12}$/, attachment: /^([0-9a-f]{24})\.json$/, user: /([0-9a-f]{24})$/ };

/** The records of this boot and network namespace, below `stateDir`. All work is synchronous: it is a few dozen microseconds. */
export class Records {
  readonly #root: string;
  readonly #address: Users;
  readonly #waiting: Users;
  /** Which attachments refer to a chain named by its content. */
  readonly chains: Users;
  /** Interfaces that were put under guard, and by which attachments. */
  readonly localnet: Users;
  /** Interfaces whose route_localnet is not flatnet's to take back. */
  readonly setBefore: Users;

  constructor(
    readonly stateDir: string = DEFAULT_STATE_DIR,
    generation: string = adoptedGeneration(stateDir),
  ) {
    this.#root = join(stateDir, generation);
    const users = (kind: string): Users => new Users(join(this.#root, kind));
    this.#address = users('address');
    this.#waiting = users('waiting');
    this.chains = users('chain');
    this.localnet = users('localnet');
    this.setBefore = users('set-before');
  }

  #folder(networkHash: string): string {
    return join(this.#root, networkHash);
  }

  /** Undefined when there is none, or none that can be read: torn state counts as absent. */
  read(owner: Pick<Owner, 'networkHash' | 'hash'>): PublishRecord | undefined {
    const text = safeRead(() => readFileSync(join(this.#folder(owner.networkHash), `${owner.hash}.json`), 'utf8'));
    if (text === undefined) return undefined;
    try {
      const record = JSON.parse(text) as PublishRecord;
      return record.version === 1 ? record : undefined;
    } catch {
      return undefined;
    }
  }

  #unfinished({ networkHash, hash }: Pick<Owner, 'networkHash' | 'hash'>): string {
    return join(this.#folder(networkHash), `.${hash}.new`);
  }

  /** Removes what an ADD left that was killed before its record had its name. */
  removeUnfinished(owner: Pick<Owner, 'networkHash' | 'hash'>): void {
    ignoring(['ENOENT', 'ENOTDIR'], () => unlinkSync(this.#unfinished(owner)));
    ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR'], () => rmdirSync(this.#folder(owner.networkHash)));
  }

  /** Replaces the attachment's record in one step. */
  write(record: PublishRecord): void {
    const folder = this.#folder(record.owner.networkHash);
    const temporary = this.#unfinished(record.owner);
    const save = (): void => writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
    try {
      save();
    } catch (error) {
      if (!isMissing(error)) throw error;
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      save();
    }
    renameSync(temporary, join(folder, `${record.owner.hash}.json`));
    const { containerId, networkHash, hash } = record.owner;
    if (record.waiting !== undefined) this.#waiting.add(containerKey(containerId), `${networkHash}.${hash}`);
  }

  /** Removes the attachment's hints and its record, which is the last to go: it tells which hints there are. Success when there is none. */
  remove(record: Pick<PublishRecord, 'owner' | 'publications' | 'hairpins' | 'localInterface'>): void {
    const { containerId, networkHash, hash } = record.owner;
    this.forgetAddresses(record.owner, portsOf(record.publications));
    for (const chain of chainNames(record)) this.chains.drop(chain, hash);
    this.#waiting.drop(containerKey(containerId), `${networkHash}.${hash}`);
    if (record.localInterface !== undefined) this.localnet.drop(record.localInterface, hash);
    ignoring(['ENOENT', 'ENOTDIR'], () => unlinkSync(join(this.#folder(networkHash), `${hash}.json`)));
    ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR'], () => rmdirSync(this.#folder(networkHash)));
    // Version 0.1.0 noted there that the network has an outbound masquerade.
    rmSync(join(this.#root, 'masquerade', networkHash), { recursive: true, force: true });
    ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR'], () => rmdirSync(join(this.#root, 'masquerade')));
  }

  /** Says that the attachment takes nothing over any more. */
  leave({ containerId, networkHash, hash }: Owner): void {
    this.#waiting.drop(containerKey(containerId), `${networkHash}.${hash}`);
  }

  /** Whether the attachment is one that may be handed ports. */
  isWaiting({ containerId, networkHash, hash }: Owner): boolean {
    return this.#waiting.of(containerKey(containerId)).includes(`${networkHash}.${hash}`);
  }

  /** The records of a container's attachments that wait for ports of another one. */
  waitingOf(containerId: string): readonly PublishRecord[] {
    return this.#waiting.of(containerKey(containerId)).flatMap((user) => {
      const [networkHash = '', hash = ''] = user.split('.');
      return this.read({ networkHash, hash }) ?? [];
    });
  }

  /** Hashes of the attachments of a network that have a record. */
  attachmentsOf(networkHash: string): readonly string[] {
    const names = safeRead(() => readdirSync(this.#folder(networkHash))) ?? [];
    return names.flatMap((name) => HEX.attachment.exec(name)?.[1] ?? []);
  }

  /** Every record of this boot and namespace. */
  all(): readonly PublishRecord[] {
    const networks = (safeRead(() => readdirSync(this.#root)) ?? []).filter((name) => HEX.network.test(name));
    return networks.flatMap((networkHash) =>
      this.attachmentsOf(networkHash).flatMap((hash) => this.read({ networkHash, hash }) ?? []),
    );
  }

  /** Says, before the claim in the kernel, that ports are about to be published on one address. */
  hintAddresses(owner: Owner, ports: readonly Port[]): void {
    for (const port of ports) if (port.hostIp !== undefined) this.#address.add(portName(port), owner.hash);
  }

  forgetAddresses(owner: Owner, ports: readonly Port[]): void {
    for (const port of ports) if (port.hostIp !== undefined) this.#address.drop(portName(port), owner.hash);
  }

  /** Forgets the hints of an attachment whose record is lost; looks at all of them. */
  forgetHints({ hash }: Pick<Owner, 'hash'>): void {
    for (const hint of this.#hints()) if (hint.hash === hash) hint.drop();
  }

  /** The hints that are of one attachment each: not those of an interface. */
  #hints(): readonly { readonly hash: string; readonly drop: () => void }[] {
    return [this.#address, this.#waiting, this.chains, this.localnet].flatMap((kind) =>
      kind.things().flatMap((thing) =>
        kind.of(thing).flatMap((user) => {
          const hash = HEX.user.exec(user)?.[1];
          return hash === undefined ? [] : [{ hash, drop: () => void kind.drop(thing, user) }];
        }),
      ),
    );
  }

  /** Whether one of these ports may be published on a single address: yes is a hint, no is a fact. */
  mayBeOnAddress(ports: readonly Port[]): boolean {
    if (this.#address.things().length === 0) return false;
    return ports.some((port) => port.hostIp === undefined && this.#address.has(portName(port)));
  }

  /** Forgets hints of attachments that have no record: what a killed ADD or DEL left. */
  removeStrayHints(): void {
    // Before the records: an ADD writes its record first, so the hint of one that begins now is not here or not stray.
    const hints = this.#hints();
    const known = new Set(this.all().map(({ owner }) => owner.hash));
    for (const hint of hints) if (!known.has(hint.hash)) hint.drop();
  }

  /** Whether any attachment of this host has a record, or an ADD of one has begun. */
  isUsed(): boolean {
    const networks = (safeRead(() => readdirSync(this.#root)) ?? []).filter((name) => HEX.network.test(name));
    return networks.some((network) => (safeRead(() => readdirSync(this.#folder(network))) ?? []).length > 0);
  }

  /** Removes folders that are empty. */
  removeIfEmpty(): void {
    for (const path of [this.#root, this.stateDir])
      ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EBUSY'], () => rmdirSync(path));
  }

  /** Removes what earlier boots left. */
  removeOtherBoots(): void {
    const boot = currentGeneration().split('.')[0] ?? '';
    for (const name of safeRead(() => readdirSync(this.stateDir)) ?? []) {
      if (/^[0-9a-f-]{36}\.\d+$/.test(name) && !name.startsWith(`${boot}.`)) {
        rmSync(join(this.stateDir, name), { recursive: true, force: true });
      }
    }
  }
}
