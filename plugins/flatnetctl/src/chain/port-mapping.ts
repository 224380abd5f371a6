import { parseIp } from '@flatnet/addressing';
import { readable } from '../conflist/subnets.ts';
import { usage } from '../failure.ts';

/** One entry of `runtimeConfig.portMappings` (CONVENTIONS.md). */
export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly hostIP?: string;
}

const PORTS = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/;
const next = 'use [HOSTIP:]HOSTPORT:CONTAINERPORT[/tcp|udp|sctp], like 8080:80 or 127.0.0.1:5353:53/udp';

/**
 * Parses what follows `-p`, as Podman takes it; a range becomes one entry per port. An IPv6 host address stands in brackets.
 *
 * @throws OperatorError (usage)
 */
export function parsePortMapping(text: string): readonly PortMapping[] {
  const wrong = (): never => {
    throw usage(`${JSON.stringify(text)} is not a port mapping`, next);
  };
  const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):)?([0-9-]+):([0-9-]+)(?:\/([a-z]+))?$/.exec(text);
  if (match === null) return wrong();
  const [, v6, v4, host = '', container = '', protocol = 'tcp'] = match;
  const hostIP = v6 ?? v4;
  if (hostIP !== undefined && readable(() => parseIp(hostIP)) === undefined) return wrong();
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return wrong();
  const [hosts, containers] = [portsOf(host), portsOf(container)];
  if (hosts === undefined || containers === undefined || hosts.length !== containers.length) return wrong();
  return hosts.map((hostPort, index) => ({
    hostPort,
    containerPort: containers[index] as number,
    protocol,
    ...(hostIP === undefined ? {} : { hostIP }),
  }));
}

function portsOf(text: string): readonly number[] | undefined {
  const match = PORTS.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first < 1 || last > 65535 || last < first) return undefined;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

export const renderPortMapping = ({ hostIP, hostPort, containerPort, protocol }: PortMapping): string =>
  `${hostIP === undefined ? '' : hostIP.includes(':') ? `[${hostIP}]:` : `${hostIP}:`}${hostPort}->${containerPort}/${protocol}`;
