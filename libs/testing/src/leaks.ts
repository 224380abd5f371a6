import type { Sandbox } from './sandbox.ts';

/** Everything an attachment may leave behind, each as one line. Lines that are there before and after a test are no leak. */
export async function takeInventory(sandbox: Sandbox): Promise<Set<string>> {
  const parts = await Promise.all([
    links(sandbox),
    elements(sandbox),
    contentChains(sandbox),
    leases(sandbox),
    records(sandbox),
    netns(sandbox),
    processes(sandbox),
  ]);
  return new Set(parts.flat());
}

/** What is there now and was not before: empty when nothing leaked. */
export async function findLeaks(sandbox: Sandbox, before: ReadonlySet<string>): Promise<string[]> {
  return [...(await takeInventory(sandbox))].filter((line) => !before.has(line));
}

interface Link {
  readonly ifname: string;
  readonly linkinfo?: { readonly info_kind?: string };
}

/** All links but bridges, which belong to the network and stay. */
async function links(sandbox: Sandbox): Promise<string[]> {
  const all = JSON.parse(await sandbox.must('ip', ['-j', '-d', 'link'])) as Link[];
  return all.filter((link) => link.linkinfo?.info_kind !== 'bridge').map((link) => `link ${link.ifname}`);
}

/** What our tables hold per network, and so after DEL: masquerading, and the bridges that 127.0.0.1 may be forwarded to. */
const isPerNetwork = (set: { family: string; table: string; name: string }): boolean =>
  set.family === 'inet' && (set.table === 'flatnet' || (set.table === 'flatnet_hostport' && set.name === 'localnet'));

/** Set and map elements that belong to attachments. */
async function elements(sandbox: Sandbox): Promise<string[]> {
  const { nftables } = JSON.parse(await sandbox.must('nft', ['-j', 'list', 'ruleset'])) as {
    nftables: Record<string, { family: string; table: string; name: string; elem?: unknown[] }>[];
  };
  return nftables
    .flatMap((object) => [object['set'], object['map']])
    .filter((set) => set !== undefined)
    .filter((set) => !isPerNetwork(set))
    .flatMap((set) => (set.elem ?? []).map((e) => `nft ${set.family} ${set.table} ${set.name} ${JSON.stringify(e)}`));
}

/** Chains of published ports that are named by their content: they go with the last attachment that refers to them. */
async function contentChains(sandbox: Sandbox): Promise<string[]> {
  const listed = await sandbox.run('nft', ['list', 'table', 'inet', 'flatnet_hostport']);
  return [...listed.stdout.matchAll(/chain ((?:masq|allow)\S+)/g)].map(([, name]) => `nft chain ${name}`);
}

/** Records of published ports, and hints about them; which interfaces are under guard is no attachment's. */
async function records(sandbox: Sandbox): Promise<string[]> {
  const found = await sandbox.run('find', ['/run/flatnet/hostport', '-type', 'f', '!', '-path', '*/localnet/*']);
  return found.stdout
    .split('\n')
    .filter(Boolean)
    .map((path) => `record ${path}`);
}

/** Lease records and half-done claims in any data folder below /run, /var/lib or the scratch folder; cursors and locks stay. */
async function leases(sandbox: Sandbox): Promise<string[]> {
  const roots = ['/run', '/var/lib', sandbox.folder];
  const inStore = ['(', '-path', '*/b-*/ip/*', '-o', '-path', '*/b-*/at/*', '-o', '-path', '*/b-*/tmp/*', ')'];
  const hostLocal = ['-path', '*/cni/networks/*/*', '!', '-name', 'lock', '!', '-name', 'last_reserved_ip*'];
  const found = await sandbox.run('find', [...roots, ...['-type', 'f', '(', ...inStore, '-o', ...hostLocal, ')']]);
  return found.stdout
    .split('\n')
    .filter(Boolean)
    .map((path) => `lease ${path}`);
}

async function netns(sandbox: Sandbox): Promise<string[]> {
  const listed = await sandbox.run('ls', ['/run/netns']);
  return listed.stdout
    .split('\n')
    .filter(Boolean)
    .map((name) => `netns ${name}`);
}

async function processes(sandbox: Sandbox): Promise<string[]> {
  const listed = await sandbox.must('ps', ['-e', '-o', 'pid=,ppid=,comm=']);
  return listed
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([pid, ppid, name]) => name !== undefined && pid !== '1' && ppid !== '0')
    .map(([pid, , name]) => `process ${pid} ${name}`);
}
