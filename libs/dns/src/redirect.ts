/**
 * Where another program has port 53 of the bridge's addresses, the server listens on another port, and packets to those addresses are led
 * there: `dnat` to the same address, since nft's `redirect` would take the first one of the bridge.
 */
import { ToolError } from '@flatnet/exec';
import {
  add,
  applyFixedText,
  applyNft,
  chain,
  concat,
  elements,
  elementsOf,
  listNft,
  match,
  meta,
  type NftCommand,
  type NftJson,
  payload,
  remove,
  rule,
  table,
  type Kernel,
} from '@flatnet/kernel';
import { DNS_PORT } from './conf.ts';

const TABLE = { family: 'inet', table: 'flatnet_dns' } as const;
/** Before published ports (dstnat, -100): a container that publishes port 53 on all addresses is not what a sibling asks. */
const PRIORITY = -105;

const MAPS = `add table inet flatnet_dns; ${([4, 6] as const)
  .map(
    (family) =>
      `add map inet flatnet_dns port${family} { type ifname . ipv${family}_addr : ipv${family}_addr . inet_service; }`,
  )
  .join('; ')}`;

const leadsTo = (family: 4 | 6): readonly NftJson[] => {
  const ip = family === 4 ? 'ip' : 'ip6';
  const key = concat(meta('iifname'), payload(ip, 'daddr'));
  return [{ dnat: { family: ip, addr: { map: { key, data: `@port${family}` } } } }];
};

/** A repeated transaction leaves the chain as it is. */
const FULL: readonly NftCommand[] = [
  add(chain(TABLE, 'prerouting', { type: 'nat', hook: 'prerouting', prio: PRIORITY, policy: 'accept' })),
  { flush: chain(TABLE, 'prerouting') },
  ...(['udp', 'tcp'] as const).flatMap((protocol) =>
    ([4, 6] as const).map((family) =>
      add(rule(TABLE, 'prerouting', [match(payload(protocol, 'dport'), DNS_PORT), ...leadsTo(family)])),
    ),
  ),
];

const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

/** Makes packets from `bridge` to port 53 of its addresses go to `port`. */
export async function lead(
  { run }: Pick<Kernel, 'run'>,
  bridge: string,
  addresses: readonly string[],
  port: number,
): Promise<void> {
  await stopLeading({ run }, bridge);
  const wanted = addresses.map((address) =>
    add(elements(TABLE, `port${familyOf(address)}`, [[concat(bridge, address), concat(address, port)]])),
  );
  const options = { doing: `lead questions for names on ${bridge} to port ${port}` };
  await applyFixedText(run, MAPS, options);
  await applyNft(run, [...FULL, ...wanted], options);
  await forget({ run }, addresses);
}

/** Takes away what leads packets from `bridge` elsewhere, and the table with the last of it. @returns whether there was anything. */
export async function stopLeading({ run }: Pick<Kernel, 'run'>, bridge: string): Promise<boolean> {
  const objects = await listNft(run, TABLE);
  if (objects === undefined) return false;
  const keys = ([4, 6] as const).map((family) => ({
    name: `port${family}`,
    all: elementsOf(objects, `port${family}`).map((element) => keyOf(element)),
  }));
  const own = keys.map(({ name, all }) => ({ name, keys: all.filter((key) => bridgeOf(key) === bridge) }));
  const isLast = keys.every(({ all }) => all.every((key) => bridgeOf(key) === bridge));
  const commands = isLast
    ? [remove(table(TABLE))]
    : own.flatMap(({ name, keys: gone }) => (gone.length === 0 ? [] : [remove(elements(TABLE, name, gone))]));
  try {
    await applyNft(run, commands, { doing: `stop leading questions for names on ${bridge}` });
  } catch (error) {
    if (!(error instanceof ToolError) || error.kind !== 'not-found') throw error;
  }
  return own.some(({ keys: gone }) => gone.length > 0);
}

/** What leads packets from `bridge`: addresses, each with its port. */
export async function ledTo({ run }: Pick<Kernel, 'run'>, bridge: string): Promise<ReadonlyMap<string, number>> {
  const objects = (await listNft(run, TABLE)) ?? [];
  const pairs = ([4, 6] as const).flatMap((family) => elementsOf(objects, `port${family}`));
  return new Map(
    pairs.flatMap((pair) => {
      const [name, address] = partsOf(keyOf(pair));
      const port = partsOf((pair as readonly NftJson[])[1] ?? null)[1];
      return name === bridge ? [[String(address), Number(port)] as const] : [];
    }),
  );
}

const keyOf = (element: NftJson): NftJson =>
  Array.isArray(element) ? ((element as readonly NftJson[])[0] ?? null) : element;
const partsOf = (value: NftJson): readonly NftJson[] =>
  typeof value === 'object' && value !== null && 'concat' in value ? (value['concat'] as readonly NftJson[]) : [value];
const bridgeOf = (key: NftJson): NftJson => partsOf(key)[0] ?? null;

/** Flows of before go on to where they went: a resolver that asks from one port again and again would find nothing. */
export async function forget({ run }: Pick<Kernel, 'run'>, addresses: readonly string[]): Promise<void> {
  for (const address of addresses) {
    const family = familyOf(address) === 4 ? 'ipv4' : 'ipv6';
    await run('conntrack', [
      '-D',
      '-f',
      family,
      '-p',
      'udp',
      '--orig-dst',
      address,
      '--orig-port-dst',
      String(DNS_PORT),
    ]);
  }
}
