import type { Kernel } from '@flatnet/kernel';

/** The addresses of all interfaces in the namespace at `netns`, without prefix; undefined when it cannot be looked into. */
export function addressesIn({ rtnetlink }: Pick<Kernel, 'rtnetlink'>, netns: string): readonly string[] | undefined {
  try {
    const links = rtnetlink.listLinks({}, netns);
    return links.flatMap(({ name }) => rtnetlink.listAddresses(name, netns).map(({ address }) => address));
  } catch {
    // It went away between two looks.
    return undefined;
  }
}
