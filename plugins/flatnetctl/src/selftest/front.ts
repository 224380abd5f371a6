/** By which door the test's namespaces are attached: as a runtime calls the chain, or as netavark calls its driver. */
import { argumentsOf, attach, check, detach } from '../chain/attachment.ts';
import type { CachedAttachment } from '../chain/cache.ts';
import type { ChainContext } from '../chain/context.ts';
import { delChain, gcChain } from '../chain/run-chain.ts';
import type { PortMapping } from '../chain/port-mapping.ts';
import type { NetworkFile } from '../conflist/directory.ts';

/** A namespace of the test that is to be a container. */
export interface Wanted {
  readonly containerId: string;
  readonly netns: string;
  readonly ports: readonly PortMapping[];
}

export interface Front {
  /** The executables that it calls. @throws OperatorError where one is missing. */
  executables(): readonly string[];
  /** @throws OperatorError. */
  attach(wanted: Wanted): Promise<CachedAttachment>;
  /** Absent where the door knows no CHECK. @throws OperatorError that says what is missing. */
  readonly check?: (cached: CachedAttachment) => Promise<void>;
  /** @throws OperatorError. */
  detach(cached: CachedAttachment): Promise<void>;
  /** Removes what an attachment left that was cut short, whatever there is. */
  clear(wanted: Wanted): Promise<unknown>;
  /** Removes what is the network's own, where the test made it. */
  removeNetwork(): Promise<unknown>;
}

/** The chain, as a runtime runs it; what is attached is noted in the test's own cache. */
export function cniFront(
  context: ChainContext,
  cacheDir: string,
  file: NetworkFile,
  find: (type: string) => string,
): Front {
  const { network } = file;
  return {
    executables: () => network.plugins.map(({ type }) => find(type)),
    attach: ({ containerId, netns, ports }) => {
      const given = argumentsOf(network, { ips: [], ports, name: containerId });
      return attach(context, cacheDir, file, { containerId, netns, ifName: 'eth0', ...given });
    },
    ...(network.disableCheck ? {} : { check: (cached) => check(context, network, cached) }),
    detach: (cached) => detach(context, cacheDir, network, cached),
    clear({ containerId }) {
      const identity = { containerId, ifName: 'eth0', netns: '', cniArgs: [], capabilityArgs: {} };
      return delChain(context, network, identity, undefined);
    },
    removeNetwork: () => gcChain(context, network, []),
  };
}
