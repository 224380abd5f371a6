/**
 * Questions to port 53 of a bridge's addresses that another port answers: where port 53 is another program's, and for containers that are
 * on several networks. `dnat` to the same address, since nft's `redirect` would take the first one of the bridge.
 */
import { ToolError } from '@flatnet/exec';
import {
  add,
  applyNft,
  chain,
  concat,
  elements,
  elementsOf,
  listNft,
  map,
  match,
  meta,
  type Kernel,
  type NftCommand,
  type NftJson,
  type NftObject,
  payload,
  remove,
  rule,
  table,
} from '@flatnet/kernel';
import { DNS_PORT } from './conf.ts';

/** Questions from `bridge` to `to` go to `port` of it; those of one container, where `from` is its address. */
export interface Lead {
  readonly bridge: string;
  readonly from?: string;
  readonly to: string;
  readonly port: number;
}

type Tables = Pick<Kernel, 'nft' | 'conntrack'>;

const TABLE = { family: 'inet', table: 'flatnet_dns' } as const;
/** Before published ports (dstnat, -100): a container that publishes port 53 on all addresses is not what a sibling asks. */
const PRIORITY = -105;
const FAMILIES = [4, 6] as const;
const MAPS = FAMILIES.flatMap((family) => [`view${family}`, `port${family}`] as const);

const MAP_COMMANDS: readonly NftCommand[] = FAMILIES.flatMap((family) => {
  const address = `ipv${family}_addr`;
  const to = [address, 'inet_service'];
  return [
    add(map(TABLE, `view${family}`, ['ifname', address, address], to)),
    add(map(TABLE, `port${family}`, ['ifname', address], to)),
  ];
});

/** What holds for one container comes before what holds for all. */
const RULES: readonly (readonly NftJson[])[] = (['udp', 'tcp'] as const).flatMap((protocol) =>
  FAMILIES.flatMap((family) => {
    const ip = family === 4 ? 'ip' : 'ip6';
    const [bridge, from, to] = [meta('iifname'), payload(ip, 'saddr'), payload(ip, 'daddr')];
    const isQuestion = match(payload(protocol, 'dport'), DNS_PORT);
    const leadBy = (name: string, ...key: readonly NftJson[]): readonly NftJson[] => [
      isQuestion,
      { dnat: { family: ip, addr: { map: { key: concat(...key), data: `@${name}${family}` } } } },
    ];
    return [leadBy('view', bridge, from, to), leadBy('port', bridge, to)];
  }),
);

const BASE: readonly NftCommand[] = [
  add(table(TABLE)),
  ...MAP_COMMANDS,
  add(chain(TABLE, 'prerouting', { type: 'nat', hook: 'prerouting', prio: PRIORITY, policy: 'accept' })),
  { flush: chain(TABLE, 'prerouting') },
  ...RULES.map((expr) => add(rule(TABLE, 'prerouting', expr))),
];

const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

/** An element of one of the maps: its key, and what it leads to. */
interface Element {
  readonly map: string;
  readonly key: NftJson;
  readonly value: NftJson;
}

const elementOf = ({ bridge, from, to, port }: Lead): Element => ({
  map: `${from === undefined ? 'port' : 'view'}${familyOf(to)}`,
  key: from === undefined ? concat(bridge, to) : concat(bridge, from, to),
  value: concat(to, port),
});

const textOf = ({ map, key, value }: Element): string => JSON.stringify([map, key, value]);

function listed(objects: readonly NftObject[]): readonly Element[] {
  return MAPS.flatMap((map) =>
    elementsOf(objects, map).flatMap((pair): readonly Element[] => {
      const [key = null, value = null] = pair as readonly NftJson[];
      return [{ map, key, value }];
    }),
  );
}

/** Which of `leads` the kernel does not have. @throws ToolError. */
export async function lost(kernel: Tables, leads: readonly Lead[]): Promise<readonly Lead[]> {
  if (leads.length === 0) return [];
  const objects = (await listNft(kernel.nft, TABLE)) ?? [];
  const present = new Set(isWhole(objects) ? listed(objects).map(textOf) : []);
  return leads.filter((lead) => !present.has(textOf(elementOf(lead))));
}

const isWhole = (objects: readonly NftObject[]): boolean =>
  objects.filter((object) => 'rule' in object).length === RULES.length;

/** Makes the kernel lead exactly so. The table goes with the last lead. @throws ToolError. */
export async function lead(kernel: Tables, leads: readonly Lead[]): Promise<void> {
  const objects = await listNft(kernel.nft, TABLE);
  if (leads.length === 0) {
    if (objects !== undefined) await removeTable(kernel);
    return forget(kernel, listed(objects ?? []));
  }
  const present = listed(objects ?? []);
  const wanted = new Map(leads.map(elementOf).map((element) => [textOf(element), element]));
  const surplus = present.filter((element) => !wanted.has(textOf(element)));
  const known = new Set(present.map(textOf));
  const missing = [...wanted].flatMap(([text, element]) => (known.has(text) ? [] : [element]));
  const isThere = objects !== undefined && isWhole(objects);
  if (isThere && surplus.length + missing.length === 0) return;
  const options = { doing: 'lead questions for names to the ports that answer them' };
  await applyNft(
    kernel.nft,
    [
      ...(isThere ? [] : BASE),
      ...surplus.map(({ map, key }) => remove(elements(TABLE, map, [key]))),
      ...missing.map(({ map, key, value }) => add(elements(TABLE, map, [[key, value]]))),
    ],
    options,
  );
  forget(kernel, [...surplus, ...missing]);
}

async function removeTable(kernel: Tables): Promise<void> {
  try {
    await applyNft(kernel.nft, [remove(table(TABLE))], { doing: 'stop leading questions for names' });
  } catch (error) {
    if (!(error instanceof ToolError) || error.kind !== 'not-found') throw error;
  }
}

/** Flows of before go on to where they went: a resolver that asks from one port again and again would find nothing. */
function forget(kernel: Tables, changed: readonly Element[]): void {
  const servers = new Set(changed.map(({ value }) => String((value as { concat: readonly NftJson[] }).concat[0])));
  for (const destination of servers)
    kernel.conntrack.forget({ family: familyOf(destination), protocol: 'udp', destination, port: DNS_PORT });
}
