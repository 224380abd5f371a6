/** What a container shall be attached to: options of the hook, else annotations of the container. Pure. */
import { parsePortMapping } from '../chain/port-mapping.ts';
import type { Wishes } from '../chain/attachment.ts';
import { usage } from '../failure.ts';
import type { ContainerState } from './state.ts';

export interface HookOptions {
  /** `NAME[:IFNAME]` */
  readonly network: readonly string[];
  readonly ip: readonly string[];
  readonly mac?: string;
  readonly publish: readonly string[];
}

/** One network of the container. Addresses and ports are of the first, as a container has each published port once. */
export interface HookAttachment {
  readonly network: string;
  readonly ifName: string;
  readonly wishes: Wishes;
}

export const ANNOTATIONS = {
  networks: 'flatnet.networks',
  ports: 'flatnet.ports',
  ips: 'flatnet.ips',
  mac: 'flatnet.mac',
  name: 'flatnet.name',
} as const;

/** @throws OperatorError (usage) */
export function attachmentsOf(options: HookOptions, state: ContainerState): readonly HookAttachment[] {
  const annotated = (key: string): readonly string[] =>
    (state.annotations[key] ?? '')
      .split(',')
      .map((text) => text.trim())
      .filter((text) => text !== '');
  const either = (given: readonly string[], key: string): readonly string[] =>
    given.length > 0 ? given : annotated(key);
  const networks = either(options.network, ANNOTATIONS.networks);
  if (networks.length === 0) {
    throw usage('which network?', `give --network NAME, or the container the annotation ${ANNOTATIONS.networks}`);
  }
  const mac = options.mac ?? state.annotations[ANNOTATIONS.mac];
  const name = state.annotations[ANNOTATIONS.name] ?? state.id;
  const first: Wishes = {
    ips: either(options.ip, ANNOTATIONS.ips),
    ports: either(options.publish, ANNOTATIONS.ports).flatMap(parsePortMapping),
    ...(mac === undefined ? {} : { mac }),
    name,
  };
  const wanted = networks.map((text, index): HookAttachment => {
    const [network = '', ifName = `eth${index}`] = text.split(':');
    return { network, ifName, wishes: index === 0 ? first : { ips: [], ports: [], name } };
  });
  const double = wanted.find(({ ifName }, index) => wanted.findIndex((other) => other.ifName === ifName) !== index);
  if (double === undefined) return wanted;
  throw usage(`two networks for interface ${double.ifName}`, 'name the interfaces: NETWORK:IFNAME');
}
