import { CniError, ErrorCode } from '@flatnet/cni';
import { ToolError } from '@flatnet/exec';
import { applyIp, linkExists, renderBatch, type Kernel } from '@flatnet/kernel';
import { ignoreAdvertisements } from './bridge.ts';
import type { Plan } from './plan.ts';
import { gatewayDevice, vlanCommands, type VlanPlan } from './vlan.ts';

/** Puts the host end into its VLANs, and the gateway's device into the native one. @throws CniError code 2; ToolError. */
export async function joinVlans(kernel: Kernel, plan: Plan, vlans: VlanPlan): Promise<void> {
  const { bridge } = plan.config;
  try {
    const filtering = ['link', 'set', 'dev', bridge, 'type', 'bridge', 'vlan_filtering', '1'];
    await applyIp(kernel, `switch VLAN filtering of bridge ${bridge} on`, [filtering]);
  } catch (error) {
    if (!(error instanceof ToolError) || !/not supported|invalid argument/i.test(error.reason)) throw error;
    const next =
      'the kernel is built without CONFIG_BRIDGE_VLAN_FILTERING: remove vlan and vlanTrunk, or use another kernel';
    throw new CniError(ErrorCode.unsupportedField, 'this kernel cannot filter VLANs on a bridge', next, {
      cause: error,
    });
  }
  const gateway = gatewayDevice(bridge, vlans);
  const own = gateway === bridge ? [] : [['vlan', 'add', 'dev', bridge, 'vid', String(vlans.native), 'self']];
  await applyBridge(kernel, `put ${plan.hostVeth} into its VLANs`, [...vlanCommands(plan.hostVeth, vlans), ...own]);
  if (gateway !== bridge && plan.config.isGateway) await ensureGatewayDevice(kernel, bridge, gateway, vlans.native);
}

async function ensureGatewayDevice(kernel: Kernel, bridge: string, gateway: string, vlan: number): Promise<void> {
  const make = ['link', 'add', 'link', bridge, 'name', gateway, 'type', 'vlan', 'id', String(vlan)];
  try {
    if (!linkExists(kernel, gateway)) await applyIp(kernel, `create ${gateway}`, [make]);
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'exists')) throw error;
  }
  // Before it is up.
  ignoreAdvertisements(kernel, gateway);
  await applyIp(kernel, `bring ${gateway} up`, [['link', 'set', 'dev', gateway, 'up']]);
}

/** `bridge -batch -`: the same grammar as `ip -batch -`. */
async function applyBridge(kernel: Kernel, doing: string, commands: readonly (readonly string[])[]): Promise<void> {
  const result = await kernel.run('bridge', ['-batch', '-'], { input: renderBatch(commands) });
  if (result.ending === 'exit' && result.exitCode === 0) return;
  throw new ToolError('bridge', 'failed', doing, result.stderr.trim().slice(0, 400) || result.ending);
}
