/** `policy apply`: what a network's file says now holds for its running containers. */
import { networkHash, type PluginConfig } from '@flatnet/cni';
import { applyPlan, planApply, type Refused, type WantedRules } from '@flatnet/policy';
import { PolicyFault, readSettings, type Settings } from '@flatnet/policy/language';
import { asRun } from '../conflist/as-run.ts';
import { networksOf } from '../conflist/driver-networks.ts';
import { problem } from '../failure.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';

/** Names of the containers that follow. @throws OperatorError, before anything is changed. */
export async function applyPolicies(
  { policies }: Pick<World, 'policies'>,
  { netDir, driverDirs, cniPath }: Pick<Places, 'netDir' | 'driverDirs' | 'cniPath'>,
  name: string,
  dryRun: boolean,
): Promise<readonly string[]> {
  const file = networksOf({ netDir, driverDirs }).files.find(({ network }) => network.name === name);
  if (file === undefined) throw problem(`no network ${name} in ${netDir}`, 'flatnetctl network ls');
  const plugin = asRun(file.network, cniPath).plugins.find(({ type }) => type === 'flatnet-firewall');
  if (plugin === undefined) {
    throw problem(`network ${name} has no flatnet-firewall`, `put { "type": "flatnet-firewall" } into ${file.path}`);
  }
  const world = policies.open();
  const plan = planApply(world, networkHash(name), settingsOf(plugin, file.path));
  const refused = plan.filter((each): each is Refused => 'unknown' in each);
  const [first] = refused;
  if (first !== undefined) {
    const container = first.record.attachment.names[0] ?? first.record.owner.containerId;
    throw problem(
      `container ${container} picked policy ${first.unknown}, which ${file.path} does not have`,
      'keep the policy',
    );
  }
  const wanted = plan as readonly WantedRules[];
  if (!dryRun) await applyPlan(world, wanted);
  return wanted.map(({ attachment }) => attachment.names[0] ?? attachment.owner.containerId);
}

function settingsOf(plugin: PluginConfig, path: string): Settings {
  try {
    return readSettings(exactly(plugin));
  } catch (error) {
    if (!(error instanceof PolicyFault)) throw error;
    throw problem(`${path}: ${error.message}`, 'correct the file; the running containers keep what they have');
  }
}

const KEYS = ['ingressPolicy', 'external', 'allowNetworks', 'isolatePublished', 'policies'] as const;

/** Keys in any case, as runtimes hand them over. Wrong types are told by their field. */
function exactly(plugin: PluginConfig): object {
  const types = { ingressPolicy: 'string', external: 'string', allowNetworks: 'list', isolatePublished: 'boolean' };
  return Object.fromEntries(
    Object.entries(plugin).flatMap(([key, value]) => {
      const name = KEYS.find((each) => each.toLowerCase() === key.toLowerCase());
      if (name === undefined || value === null) return [];
      const type = name === 'policies' ? undefined : types[name];
      const own = Array.isArray(value) ? 'list' : typeof value;
      if (type !== undefined && own !== type) throw new PolicyFault(name, `it is no ${type}; correct it`);
      return [[name, value]];
    }),
  );
}
