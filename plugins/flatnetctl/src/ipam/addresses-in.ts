import type { Run } from '@flatnet/exec';
import { queryIp, realProc } from '@flatnet/kernel';

/** The addresses of all interfaces in the namespace at `netns`, without prefix; undefined when it cannot be looked into. */
export async function addressesIn(run: Run, netns: string): Promise<readonly string[] | undefined> {
  try {
    const links = await queryIp({ run, proc: realProc }, `list the addresses in ${netns}`, ['address', 'show'], netns);
    return links.flatMap(({ addr_info: list }) =>
      (Array.isArray(list) ? list : []).flatMap(({ local }: { local?: unknown }) =>
        typeof local === 'string' ? [local] : [],
      ),
    );
  } catch {
    // It went away between two looks.
    return undefined;
  }
}
