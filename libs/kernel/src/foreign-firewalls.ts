/** Reads what other programs do with forwarded packets; the judge of it is @flatnet/firewall. */
import { PROBED_HOST, tablesOf, type Firewalls, type Table, type Uplinks } from '@flatnet/firewall';
import { ToolError } from '@flatnet/exec';
import type { Kernel } from './kernel.ts';

/** What is asked; nothing is changed. */
type Reader = Pick<Kernel, 'nft' | 'run' | 'proc' | 'rtnetlink'>;
type Objects = readonly Record<string, unknown>[];

const MAX_BYTES = 64 << 20;

/**
 * The tables of other programs that have a base chain of `hook`, whole, and where packets leave the host. What cannot be read is
 * named in `unreadable`: the judge then answers `unknown` where it would say `passes`.
 *
 * @throws ToolError where nft cannot be asked at all.
 */
export async function readFirewalls(
  kernel: Reader,
  hook: 'forward' | 'input' | 'output' = 'forward',
): Promise<Firewalls> {
  const unreadable = legacyTables(kernel);
  const tables: Table[] = [];
  for (const place of await placesToRead(kernel, hook)) {
    try {
      tables.push(...(await readTable(kernel, place)));
    } catch (error) {
      unreadable.push(`table ${place.join(' ')} (${reasonOf(error)})`);
    }
  }
  const uplinks = tables.length === 0 ? { others: [] } : uplinksOf(kernel);
  return { tables, uplinks, unreadable };
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Rules of iptables-legacy are not nft's. The file names the tables that were used since boot in this network namespace. */
function legacyTables(kernel: Reader): string[] {
  const files = [
    ['ip', 'iptables-legacy'],
    ['ip6', 'ip6tables-legacy'],
  ] as const;
  return files.flatMap(([family, program]) =>
    (kernel.proc.read(`/proc/net/${family}_tables_names`) ?? '')
      .split('\n')
      .filter((name) => ['filter', 'mangle', 'security'].includes(name))
      .map((name) => `the ${name} table of ${program}`),
  );
}

/** All tables of flatnet begin with its name. */
const isOwn = ({ table }: Readonly<Record<string, unknown>>): boolean => String(table).startsWith('flatnet');

type TablePlace = readonly [family: string, table: string];

async function placesToRead(kernel: Reader, hook: string): Promise<readonly TablePlace[]> {
  const chains = (await kernel.nft.listChains()).map(
    (object) => object['chain'] as Record<string, unknown> | undefined,
  );
  const asked = chains.flatMap((chain) => (chain?.['hook'] === hook && !isOwn(chain) ? [chain] : []));
  const places = asked
    .map(({ family, table }) => [String(family), String(table)] as const)
    .filter(([family]) => ['ip', 'ip6', 'inet'].includes(family));
  return [...new Map(places.map((place) => [place.join(' '), place])).values()];
}

/** As JSON and as text: the text names the rules to people, translates extensions of iptables, and tells what 1.0.6 garbles in JSON. */
async function readTable(kernel: Reader, place: TablePlace): Promise<readonly Table[]> {
  const text = await nft(kernel, ['-a', 'list', 'table', ...place]);
  if (/^\tflags [^\n]*\bdormant\b/m.test(text)) return [];
  const objects = await listing(kernel, ['table', ...place]);
  if (objects === undefined) throw new ToolError('nft', 'failed', 'list it', 'nft printed no JSON');
  return tablesOf(objects, new Map([[place.join(' '), text]]));
}

/** Undefined where nft printed no JSON, as version 1.0.6 does of tables with flags. @throws ToolError. */
async function listing(kernel: Reader, words: readonly string[]): Promise<Objects | undefined> {
  const stdout = await nft(kernel, ['-j', 'list', ...words]);
  try {
    const parsed: unknown = JSON.parse(stdout);
    const list = typeof parsed === 'object' && parsed !== null && 'nftables' in parsed ? parsed.nftables : undefined;
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}

async function nft(kernel: Reader, args: readonly string[]): Promise<string> {
  const result = await kernel.run('nft', args, { maxBytes: MAX_BYTES });
  if (result.ending === 'exit' && result.exitCode === 0) return result.stdout;
  throw new ToolError('nft', 'failed', `nft ${args.join(' ')}`, result.stderr.trim().slice(0, 200) || result.ending);
}

/** A way out by a bridge is one only where it is the usual way: other bridges lead to containers. */
function uplinksOf(kernel: Reader): Uplinks {
  const usual = deviceTo(kernel, 4) ?? deviceTo(kernel, 6);
  const links = kernel.rtnetlink.listLinks();
  const others = links.filter(({ name, kind, master }) => name !== 'lo' && kind !== 'bridge' && master === undefined);
  return { ...(usual === undefined ? {} : { usual }), others: others.map(({ name }) => name) };
}

/** The device by which the host reaches the rest of the world; undefined where it has no route. @throws RtnetlinkError. */
export const deviceTo = ({ rtnetlink }: Pick<Kernel, 'rtnetlink'>, family: 4 | 6): string | undefined =>
  rtnetlink.findDeviceTo(PROBED_HOST[family]);
