import { CniError, ErrorCode } from '@flatnet/cni';
import { ToolError } from '@flatnet/exec';
import { addVlans, createVlan, filterVlans, linkExists, RtnetlinkError, setLink, type Kernel } from '@flatnet/kernel';
import { ignoreAdvertisements } from './bridge.ts';
import type { Plan } from './plan.ts';
import { gatewayDevice, vlanChanges, type VlanPlan } from './vlan.ts';

/** Puts the host end into its VLANs, and the gateway's device into the native one. @throws CniError code 2; RtnetlinkError. */
export function joinVlans(kernel: Kernel, plan: Plan, vlans: VlanPlan): void {
  const { bridge } = plan.config;
  try {
    kernel.rtnetlink.change(`switch VLAN filtering of bridge ${bridge} on`, [filterVlans(bridge)]);
  } catch (error) {
    if (!(error instanceof RtnetlinkError) || !['EOPNOTSUPP', 'EINVAL'].includes(error.code)) throw error;
    const next =
      'the kernel is built without CONFIG_BRIDGE_VLAN_FILTERING: remove vlan and vlanTrunk, or use another kernel';
    throw new CniError(ErrorCode.unsupportedField, 'this kernel cannot filter VLANs on a bridge', next, {
      cause: error,
    });
  }
  const gateway = gatewayDevice(bridge, vlans);
  const own = gateway === bridge ? [] : [addVlans(bridge, [{ id: vlans.native }], true)];
  kernel.rtnetlink.change(`put ${plan.hostVeth} into its VLANs`, [...vlanChanges(plan.hostVeth, vlans), ...own]);
  if (gateway !== bridge && plan.config.isGateway) ensureGatewayDevice(kernel, bridge, gateway, vlans.native);
}

function ensureGatewayDevice(kernel: Kernel, bridge: string, gateway: string, vlan: number): void {
  const { rtnetlink } = kernel;
  const make = createVlan({ name: gateway, parent: bridge, id: vlan });
  try {
    if (!linkExists(kernel, gateway)) rtnetlink.change(`create ${gateway}`, [make]);
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'exists')) throw error;
  }
  // Before it is up.
  ignoreAdvertisements(kernel, gateway);
  rtnetlink.change(`bring ${gateway} up`, [setLink(gateway, { up: true })]);
}
