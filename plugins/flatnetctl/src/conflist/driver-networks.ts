/** Networks of Podman 5 and 6 that flatnet serves as a driver of netavark, as the chains that they are. Read only: the files are Podman's. */
import { CniError, isObject } from '@flatnet/cni';
import { chainOf, decodeDriverNetwork, readNetworkFiles } from '@flatnet/driver';
import type { Places } from '../places.ts';
import { type BrokenFile, type Directory, type NetworkFile, getNetwork, readDirectory } from './directory.ts';

type Where = Pick<Places, 'netDir' | 'driverDirs'>;

/** The networks of conflists, and those of Podman whose driver is flatnet. Of two of one name the conflist wins. */
export function networksOf({ netDir, driverDirs }: Where): Directory {
  const { files, broken } = readDirectory(netDir);
  const names = new Set(files.map(({ network }) => network.name));
  const own = readNetworkFiles(driverDirs)
    .filter(({ json }) => isObject(json) && json['driver'] === 'flatnet')
    .map(({ path, json }) => read(path, json));
  const driven = own.filter((each): each is NetworkFile => 'network' in each && !names.has(each.network.name));
  return { files: [...files, ...driven], broken: [...broken, ...own.filter((each) => 'reason' in each)] };
}

/** A network as Podman keeps it. @throws CniError code 7 that names the field. */
export function networkFileOf(path: string, json: unknown): NetworkFile {
  const network = decodeDriverNetwork(json);
  const { labels, id } = network;
  return {
    path,
    text: JSON.stringify(json),
    network: { ...chainOf(network), id, labels, disableCheck: false, disableGC: false, options: optionsIn(json) },
  };
}

function read(path: string, json: unknown): NetworkFile | BrokenFile {
  try {
    return networkFileOf(path, json);
  } catch (error) {
    if (error instanceof CniError) return { path, reason: `${error.message}: ${error.details}` };
    throw error;
  }
}

const optionsIn = (json: unknown): Readonly<Record<string, string>> => {
  const options = isObject(json) ? json['options'] : undefined;
  return isObject(options) ? (options as Readonly<Record<string, string>>) : {};
};

/** @throws OperatorError that lists what there is instead. */
export const findNetwork = (where: Where, name: string): NetworkFile =>
  networksOf(where).files.find(({ network }) => network.name === name) ?? getNetwork(where.netDir, name);
