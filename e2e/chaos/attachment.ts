import type { Attachment, Conflist, Json } from '@flatnet/testing';
import type { Network } from './networks.ts';

/** Where an attachment is in its life, as its runtime knows it. */
export type State =
  /** There is nothing, or a DEL succeeded. */
  | 'none'
  /** ADD succeeded. */
  | 'up'
  /** A call was killed or failed: only DEL may follow. */
  | 'unsure';

/** A published port of the host. */
export interface Port {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp';
}

/** What a runtime keeps of one attachment. */
export interface Kept {
  readonly container: Container;
  readonly network: Network;
  readonly ifName: string;
  state: State;
  /** The file as it was when ADD read it; CHECK is asked by it. */
  list: Conflist | undefined;
  result: Json | undefined;
  ports: readonly Port[];
  /** How many flushes there were when ADD began: after a further one neither CHECK nor the ports are believed. */
  flushes: number;
}

/** A container: one operation at a time, as the specification demands of a runtime. */
export interface Container {
  readonly id: string;
  /** Its name, which outlives it. */
  readonly name: string;
  readonly netns: string;
  /** Whether its namespace exists. */
  isAlive: boolean;
  isBusy: boolean;
  readonly attachments: readonly Kept[];
}

export const containerOf = (id: string, networks: readonly Network[]): Container => {
  const container: Container = {
    ...{ id, name: `name-${id}`, netns: `/run/netns/${id}`, isAlive: false, isBusy: false },
    attachments: networks.map((network, index) => ({
      get container() {
        return container;
      },
      ...{ network, ifName: `eth${index}`, state: 'none' as const },
      ...{ list: undefined, result: undefined, ports: [], flushes: 0 },
    })),
  };
  return container;
};

/** The words of a call. @param killAfter seconds after which the plugin's process group is killed. */
export const callOf = (kept: Kept, ports: readonly Port[], killAfter: number | undefined): Attachment => ({
  ...{ containerId: kept.container.id, ifName: kept.ifName, netns: kept.container.netns },
  args: `IgnoreUnknown=1;K8S_POD_NAME=${kept.container.name}`,
  ...(ports.length === 0 ? {} : { capabilities: { portMappings: ports } }),
  ...(killAfter === undefined ? {} : { under: ['timeout', '-s', 'KILL', killAfter.toFixed(4)] }),
});

/** Addresses of a result, without prefix lengths. */
export const addressesOf = (result: Json | undefined): readonly string[] =>
  ((result?.['ips'] ?? []) as { address: string }[]).map(({ address }) => address.split('/')[0]!);
