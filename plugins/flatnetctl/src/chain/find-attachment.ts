/** Attachments by the words that people have for a container: its name, the start of its id, its namespace. */
import { problem } from '../failure.ts';
import { listCached, type CachedAttachment, type Identity } from './cache.ts';
import { namespaceAt } from './life.ts';
import { readResult, sandboxOf } from './result.ts';

type Place = Pick<Identity, 'network' | 'ifName'>;

const onNetwork = (cacheDir: string, { network, ifName }: Place): readonly CachedAttachment[] =>
  listCached(cacheDir).filter((cached) => cached.network === network && cached.ifName === ifName);

const nameOf = ({ cniArgs }: CachedAttachment): string | undefined =>
  cniArgs.find(([key]) => key === 'K8S_POD_NAME')?.[1];

/** By name, else by the first characters of the id. @throws OperatorError when several begin so. */
export function findByShortName(cacheDir: string, place: Place, text: string): CachedAttachment | undefined {
  const all = onNetwork(cacheDir, place);
  const named = all.filter((cached) => nameOf(cached) === text);
  const found = named.length > 0 ? named : all.filter(({ containerId }) => containerId.startsWith(text));
  if (found.length <= 1) return found[0];
  const ids = found.map(({ containerId }) => containerId.slice(0, 20)).join(', ');
  throw problem(`${text} may be one of several containers: ${ids}`, 'give more of the id');
}

/** The ids of containers of a name that have a record. */
export const idsOf = (cacheDir: string, name: string): readonly string[] =>
  listCached(cacheDir)
    .filter((cached) => nameOf(cached) === name)
    .map(({ containerId }) => containerId);

/** By the namespace that is at `path` now: that of a runtime's container, whose id cannot be derived from it. */
export function findByNetns(cacheDir: string, place: Place, path: string): CachedAttachment | undefined {
  const wanted = namespaceAt(path);
  return onNetwork(cacheDir, place).find((cached) => {
    const own = cached.netns ?? sandboxOf(readResult(cached.result), cached.ifName);
    const isSame = cached.netnsId === undefined || cached.netnsId === wanted;
    return own !== undefined && isSame && safely(own) === wanted;
  });
}

function safely(path: string): string | undefined {
  try {
    return namespaceAt(path);
  } catch {
    return undefined;
  }
}
