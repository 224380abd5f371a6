/** The settings of the host as a whole that the plugins change, and how they stand. */
import { hostSettingStates, type HostSettingState } from '@flatnet/kernel';
import { networksOf } from '../conflist/driver-networks.ts';
import type { Network } from '../conflist/model.ts';
import { subnetsOf } from '../conflist/subnets.ts';
import { attachedNow, routingOf } from './attached.ts';
import { fixable, ok, type Check, type Finding } from './finding.ts';

export const hostWide: Check = ({ kernel }, places) => {
  const isForwarded = ({ network }: { readonly network: Network }): boolean =>
    routingOf(network, places.cniPath).isForwarded;
  const attached = attachedNow(places).filter(isForwarded);
  const configured = networksOf(places).files.filter(isForwarded);
  return hostSettingStates(kernel).map((state) => {
    const hasFamily = ({ network }: { readonly network: Network }): boolean =>
      subnetsOf(network).some(({ subnet }) => subnet.ip.family === state.family);
    return judge(state, attached.filter(hasFamily).length, configured.some(hasFamily));
  });
};

/** A setting that is wrong harms the attached containers now, and the configured networks later. */
function judge(state: HostSettingState, attached: number, isConfigured: boolean): Finding {
  const { name, harms, isAsWanted, reason, sysctls } = state;
  if (isAsWanted || (attached === 0 && !isConfigured)) return ok(name, reason);
  const isHarmed = harms === 'containers' && attached > 0;
  const finding = isHarmed
    ? { check: name, state: 'failed' as const, reason: `${reason}; ${attached} attached containers depend on it` }
    : { check: name, state: 'warning' as const, reason };
  if (sysctls.length > 0) return fixable(finding, ['sysctl', '-w', ...sysctls]);
  return { ...finding, repair: 'boot without ipv6.disable=1, or remove the IPv6 ranges from the networks' };
}
