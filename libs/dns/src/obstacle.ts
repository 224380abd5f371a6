/** Whether the firewall of another program keeps containers from asking for names. */
import { parseCidr } from '@flatnet/addressing';
import { judgeQuestions, questionsObstacleOf } from '@flatnet/firewall';
import { readFirewalls } from '@flatnet/kernel/firewalls';
import { DNS_PORT, portIn } from './conf.ts';
import type { Zone } from './model.ts';
import type { World } from './world.ts';

/** What drops questions, and what to do; undefined where nothing certainly does. @throws ToolError. */
export async function inputObstacle({ kernel, folder }: World, zone: Zone): Promise<string | undefined> {
  const firewalls = await readFirewalls(kernel, 'input');
  if (firewalls.tables.length === 0) return undefined;
  const { bridge, addresses } = zone;
  // Where port 53 is another program's, rules lead to this one before the hook.
  const port = portIn(folder.readConf(zone.networkHash)) ?? DNS_PORT;
  const network = { bridge, subnets: zone.subnets.map(parseCidr) };
  return questionsObstacleOf(judgeQuestions(network, { addresses, port }, firewalls), bridge, port, firewalls);
}
