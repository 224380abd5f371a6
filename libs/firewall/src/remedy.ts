/** Commands that let a network's packets pass, in the words of the firewall that is there. They open no more than is needed. */
import type { Place } from './judge.ts';
import type { Table } from './ruleset.ts';

export interface Remedy {
  /** Lets containers open connections, and lets the answers in. */
  readonly outgoing: readonly string[];
  /** Lets other hosts open connections to published ports, and to nothing else. */
  readonly published: readonly string[];
}

/**
 * @param place where packets are dropped.
 * @param tables all tables, which tell what program made them.
 */
export function remedyFor(place: Place, bridge: string, tables: readonly Table[]): Remedy {
  const has = (pattern: RegExp): boolean =>
    tables.some(
      ({ family, name, chains }) =>
        family === place.family && name === place.table && [...chains.keys()].some((chain) => pattern.test(chain)),
    );
  if (has(/^ufw6?-before-forward$/)) return ufw(place, bridge);
  if (place.table === 'firewalld') return firewalld(bridge);
  const isIptables = place.table === 'filter' && has(/^FORWARD$/) && (place.family === 'ip' || place.family === 'ip6');
  return isIptables ? iptables(place, has(/^DOCKER-USER$/) ? 'DOCKER-USER' : 'FORWARD', bridge) : nft(place, bridge);
}

/** Commands that let containers ask a server of the host. */
export function questionsRemedyFor(
  { family, table, base }: Place,
  bridge: string,
  port: number,
  tables: readonly Table[],
): readonly string[] {
  const chains = tables.flatMap((each) =>
    each.family === family && each.name === table ? [...each.chains.keys()] : [],
  );
  if (chains.some((name) => /^ufw6?-before-input$/.test(name)))
    return [`ufw allow in on ${bridge} to any port ${port}`];
  const protocols = ['udp', 'tcp'] as const;
  if (table === 'firewalld') {
    return [
      'firewall-cmd --permanent --new-zone=flatnet',
      `firewall-cmd --permanent --zone=flatnet --add-interface=${bridge}`,
      ...protocols.map((protocol) => `firewall-cmd --permanent --zone=flatnet --add-port=${port}/${protocol}`),
      'firewall-cmd --reload',
    ];
  }
  if (table === 'filter' && chains.includes('INPUT') && (family === 'ip' || family === 'ip6')) {
    const insert = `${family === 'ip6' ? 'ip6tables' : 'iptables'} -I INPUT -i ${bridge}`;
    return protocols.map((protocol) => `${insert} -p ${protocol} --dport ${port} -j ACCEPT`);
  }
  return protocols.map(
    (protocol) => `nft insert rule ${family} ${table} ${base} iifname ${bridge} ${protocol} dport ${port} accept`,
  );
}

/** ufw accepts answers by itself. It cannot ask for ctstate, so published ports need a rule in its file. */
function ufw({ family }: Place, bridge: string): Remedy {
  const [file, chain] =
    family === 'ip6' ? ['before6.rules', 'ufw6-before-forward'] : ['before.rules', 'ufw-before-forward'];
  const line = `-A ${chain} -o ${bridge} -m conntrack --ctstate DNAT -j ACCEPT`;
  return {
    outgoing: [`ufw route allow in on ${bridge}`],
    published: [`sed -i '/^# End required lines/a ${line}' /etc/ufw/${file}`, 'ufw reload'],
  };
}

/** firewalld accepts answers and what was redirected by itself. A zone of its own does not open the host to the containers. */
const firewalld = (bridge: string): Remedy => ({
  outgoing: [
    'firewall-cmd --permanent --new-zone=flatnet',
    `firewall-cmd --permanent --zone=flatnet --add-interface=${bridge}`,
    'firewall-cmd --permanent --new-policy=flatnet-out',
    'firewall-cmd --permanent --policy=flatnet-out --add-ingress-zone=flatnet',
    'firewall-cmd --permanent --policy=flatnet-out --add-egress-zone=ANY',
    'firewall-cmd --permanent --policy=flatnet-out --set-target=ACCEPT',
    'firewall-cmd --reload',
  ],
  published: [],
});

function iptables({ family }: Place, chain: string, bridge: string): Remedy {
  const insert = `${family === 'ip6' ? 'ip6tables' : 'iptables'} -I ${chain}`;
  return {
    outgoing: [
      `${insert} -i ${bridge} -j ACCEPT`,
      `${insert} -o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    ],
    published: [`${insert} -o ${bridge} -m conntrack --ctstate DNAT -j ACCEPT`],
  };
}

/** Into the base chain: others may drop too. */
function nft({ family, table, base }: Place, bridge: string): Remedy {
  const insert = `nft insert rule ${family} ${table} ${base}`;
  return {
    outgoing: [`${insert} iifname ${bridge} accept`, `${insert} oifname ${bridge} ct state established,related accept`],
    published: [`${insert} oifname ${bridge} ct status dnat accept`],
  };
}
