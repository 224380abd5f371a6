/** How a container is called. Pure. */
import { nameFault } from '@flatnet/dns';
import type { AddRequest } from '@flatnet/skel';
import { type DnsConfig, nameIn } from './config.ts';

/** As runtimes print it. */
const SHORT_ID = 12;
const FALLBACK_DOMAIN = 'dns.flatnet';

/** The network's name where that can be a domain, as in `web.mynet`. */
export function domainOf({ config, network }: Pick<AddRequest<DnsConfig>, 'config' | 'network'>): string {
  const own = network.toLowerCase();
  return config.domain ?? (nameFault(own) === undefined ? own : FALLBACK_DOMAIN);
}

/**
 * The container's name first, by which its address is called, then its aliases and its short id; dotted ones with the domain too, which
 * dnsmasq adds to simple ones only.
 *
 * @throws CniError code 7 for a name of the runtime's that is none.
 */
export function namesOf(
  { config, args, attachment }: Pick<AddRequest<DnsConfig>, 'config' | 'args' | 'attachment'>,
  domain: string,
): readonly string[] {
  const given = args.get('K8S_POD_NAME') ?? '';
  const id = attachment.containerId.slice(0, SHORT_ID).toLowerCase();
  const names = [
    ...(given === '' ? [] : [nameIn('K8S_POD_NAME in CNI_ARGS', given)]),
    ...config.aliases,
    ...(nameFault(id) === undefined ? [id] : []),
  ];
  return [...new Set(names.flatMap((name) => (isDotted(name, domain) ? [name, `${name}.${domain}`] : [name])))];
}

const isDotted = (name: string, domain: string): boolean =>
  name.includes('.') && !name.endsWith(`.${domain}`) && nameFault(`${name}.${domain}`) === undefined;
