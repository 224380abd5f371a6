import type { AddResult, Dns, IpConfig, IpamResult, Route } from './result.ts';
import { isAtLeast, type CniVersion } from './version.ts';

const isV6 = (address: string): boolean => address.includes(':');

function renderDns(dns: Dns): object | undefined {
  const entries = Object.entries(dns).filter(([, value]) => value !== undefined && value.length > 0);
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

const renderRoute = (route: Route, version: CniVersion): object =>
  isAtLeast(version, '1.1.0') ? route : { dst: route.dst, ...(route.gw === undefined ? {} : { gw: route.gw }) };

const renderIp = (ip: IpConfig, version: CniVersion): object => ({
  ...(isAtLeast(version, '1.0.0') ? {} : { version: isV6(ip.address) ? '6' : '4' }),
  ...ip,
});

/** 0.1.0 and 0.2.0 know one address of each family, and no interfaces. */
function renderOldest(result: IpamResult): object {
  const family = (v6: boolean): object | undefined => {
    const ip = result.ips.find(({ address }) => isV6(address) === v6);
    if (ip === undefined) return undefined;
    const routes = result.routes
      .filter(({ dst }) => isV6(dst) === v6)
      .map(({ dst, gw }) => (gw === undefined ? { dst } : { dst, gw }));
    return {
      ip: ip.address,
      ...(ip.gateway === undefined ? {} : { gateway: ip.gateway }),
      ...(routes.length > 0 ? { routes } : {}),
    };
  };
  return { ip4: family(false), ip6: family(true) };
}

/** The JSON object of a result in the shape of `version` (spec of that version, "Result"). An IPAM result has no `interfaces`. */
export function renderResult(result: AddResult | IpamResult, version: CniVersion): object {
  const dns = renderDns(result.dns);
  const rest = dns === undefined ? {} : { dns };
  if (!isAtLeast(version, '0.3.0')) return { cniVersion: version, ...renderOldest(result), ...rest };
  const interfaces = 'interfaces' in result ? result.interfaces : undefined;
  return {
    cniVersion: version,
    ...(interfaces === undefined || interfaces.length === 0
      ? {}
      : {
          interfaces: interfaces.map(({ name, mac, sandbox, mtu, socketPath, pciID }) => ({
            name,
            mac,
            sandbox,
            ...(isAtLeast(version, '1.1.0') ? { mtu, socketPath, pciID } : {}),
          })),
        }),
    ips: result.ips.map((ip) => renderIp(ip, version)),
    routes: result.routes.map((route) => renderRoute(route, version)),
    ...rest,
  };
}
