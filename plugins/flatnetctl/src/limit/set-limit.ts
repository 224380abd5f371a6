import { ownerOf } from '@flatnet/cni';
import {
  endsOf,
  isLimited,
  limit,
  type Limits,
  limitsOf,
  type Owner,
  refuseForeign,
  type ShapeRecord,
} from '@flatnet/shaping';
import { listCached, type CachedAttachment } from '../chain/cache.ts';
import { readResult, sandboxOf } from '../chain/result.ts';
import { runsAs } from '../conflist/as-run.ts';
import { findNetwork } from '../conflist/driver-networks.ts';
import { problem, usage } from '../failure.ts';
import type { Places } from '../places.ts';
import { asking, type Shaping } from './shaping.ts';

/** What to change; a direction that is absent stays as it is. Null is no limit. */
export interface LimitChange {
  readonly down?: number | null;
  readonly up?: number | null;
}

export interface LimitSubject {
  readonly network: string;
  /** A name, or the start of an id. */
  readonly container: string;
  readonly ifName?: string;
}

/** Changes the limits of a running container, until its next ADD. @returns whose. @throws OperatorError */
export function setLimit(shaping: Shaping, places: Places, subject: LimitSubject, change: LimitChange): Owner {
  if (change.down === undefined && change.up === undefined) {
    throw usage('nothing to set', 'give --down, --up or both, as --down 10M --up none');
  }
  const record = recordOf(shaping, places, subject);
  const { owner } = record;
  const before = limitsOf(record);
  const override = changed(before, change);
  asking(`limit ${subject.container}`, () => {
    const ends = endsOf(shaping.wire, record.netns, owner.ifName, record.named);
    refuseForeign(shaping.wire, ends, override);
    try {
      limit(shaping.wire, shaping.records, { ...record, override, hostIndex: ends.host.index }, ends);
    } catch (error) {
      limit(shaping.wire, shaping.records, record, ends);
      throw error;
    }
  });
  return owner;
}

/** A burst suits its rate, so a new rate has an automatic one. Subnets and latency stay. */
function changed(before: Limits, { down, up }: LimitChange): Limits {
  const { down: oldDown, up: oldUp, ...rest } = before;
  const newDown = down === undefined ? oldDown : down === null ? undefined : { rate: down };
  const newUp = up === undefined ? oldUp : up === null ? undefined : { rate: up };
  const limits = {
    ...(newDown === undefined ? {} : { down: newDown }),
    ...(newUp === undefined ? {} : { up: newUp }),
  };
  return isLimited(limits) ? { ...rest, ...limits } : {};
}

/** The attachment's record, or one for an attachment that had no limit so far. */
function recordOf({ records }: Shaping, places: Places, { network, container, ifName }: LimitSubject): ShapeRecord {
  const { network: conflist } = findNetwork(places, network);
  if (!conflist.plugins.some(({ type }) => runsAs(type, places.cniPath) === 'flatnet-bandwidth')) {
    throw problem(
      `network ${network} has no plugin that ends limits with its containers`,
      'add {"type": "flatnet-bandwidth"} to its plugins, and start the container anew',
    );
  }
  const found = listCached(places.cacheDir).filter(
    (cached) =>
      cached.network === network && (ifName === undefined || cached.ifName === ifName) && isMeant(cached, container),
  );
  const [first, second] = found;
  if (first === undefined) throw problem(`${container} is not on ${network}`, 'flatnetctl limit show');
  if (second !== undefined) {
    const ids = found.map((each) => `${each.containerId.slice(0, 20)} (${each.ifName})`).join(', ');
    throw problem(`${container} may be one of several: ${ids}`, 'give more of the id, or --if');
  }
  return records.read(ownerOf(network, first)) ?? newRecord(first);
}

const isMeant = ({ containerId, cniArgs }: CachedAttachment, text: string): boolean =>
  containerId.startsWith(text) || cniArgs.some(([key, value]) => key === 'K8S_POD_NAME' && value === text);

function newRecord(cached: CachedAttachment): ShapeRecord {
  const result = readResult(cached.result);
  const netns = cached.netns ?? sandboxOf(result, cached.ifName);
  if (netns === undefined) throw problem('nothing tells the namespace of the container', 'start it anew');
  const named = result.interfaces.flatMap(({ name, sandbox }) =>
    sandbox === undefined || sandbox === '' ? [name] : [],
  );
  return { version: 1, owner: ownerOf(cached.network, cached), limits: {}, named, netns, hostIndex: 0 };
}
