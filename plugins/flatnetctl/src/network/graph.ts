/** Networks, bridges, containers and published ports as a picture in text: mermaid or Graphviz dot. */
import type { Attachment } from '@flatnet/cni';
import { renderPortMapping } from '../chain/port-mapping.ts';
import type { NetworkFile } from '../conflist/directory.ts';
import { ipamOf, mainPlugin, type Network } from '../conflist/model.ts';
import { gatewayOf, subnetsOf } from '../conflist/subnets.ts';
import { printable } from '../output.ts';
import { bridgeOf, containersOf, isolationOf } from './describe.ts';

export interface Node {
  readonly id: string;
  readonly lines: readonly string[];
  readonly shape: 'network' | 'container' | 'host';
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

export interface Graph {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
}

/** @param policiesOf the policies that hold for an attachment, by name. */
export function graphOf(
  files: readonly NetworkFile[],
  cacheDir: string,
  policiesOf: (network: string, attachment: Attachment) => readonly string[],
): Graph {
  const host: Node = { id: 'host', lines: ['host'], shape: 'host' };
  const parts = files.map(({ network }, index) => {
    const id = `n${index}`;
    const subnets = subnetsOf(network);
    const lines = [
      network.name,
      bridgeOf(network) ?? network.plugins[0]?.type ?? '',
      ...subnets.map(({ subnet }) => String(subnet)),
      ...routesOf(network),
      ...guardOf(network),
    ];
    const gateways = subnets.map(gatewayOf).join(', ');
    const containers = containersOf(cacheDir, network.name).map((facts) => ({
      node: { id: `c_${hexOf(facts.id)}`, lines: [facts.name ?? facts.id.slice(0, 12)], shape: 'container' as const },
      edge: {
        from: id,
        to: `c_${hexOf(facts.id)}`,
        label: [
          `${facts.ifName} ${facts.addresses.join(' ')}`,
          ...facts.ports.map(renderPortMapping),
          ...policiesOf(network.name, { containerId: facts.id, ifName: facts.ifName }).map((name) => `policy ${name}`),
        ].join(', '),
      },
    }));
    return {
      id,
      node: { id, lines, shape: 'network' as const },
      edge: { from: 'host', to: id, label: gateways },
      containers,
    };
  });
  const containers = parts.flatMap((part) => part.containers);
  const unique = new Map(containers.map(({ node }) => [node.id, node]));
  return {
    nodes: [host, ...parts.map(({ node }) => node), ...unique.values()],
    edges: [...parts.map(({ edge }) => edge), ...containers.map(({ edge }) => edge)],
  };
}

/** Ways out of the network, and routes that its containers are given. */
function routesOf(network: Network): readonly string[] {
  const { ipMasq, internal, isGateway, isDefaultGateway, type } = mainPlugin(network);
  const isPlain = type === 'flatnet' && [ipMasq, isGateway, isDefaultGateway].every((key) => key === undefined);
  const out = internal === true ? ['internal'] : ipMasq === true || isPlain ? ['masquerade'] : [];
  const routes: unknown = ipamOf(network)['routes'];
  const given = Array.isArray(routes) ? routes : [];
  return [
    ...out,
    ...given.flatMap((route: { dst?: unknown } | null) => (typeof route?.dst === 'string' ? [`to ${route.dst}`] : [])),
  ];
}

/** From whom it is kept apart, and what comes in from the LAN. */
function guardOf(network: Network): readonly string[] {
  const isolation = isolationOf(network);
  const external = network.plugins.map((plugin) => String(plugin['external']).toLowerCase());
  return [
    ...(isolation.length === 0 ? [] : [`isolated from ${isolation.join(', ')}`]),
    ...(external.includes('published') ? ['closed to the LAN'] : []),
  ];
}

/** Node names of both languages are plain words; ids may hold dots and dashes. */
const hexOf = (text: string): string => Buffer.from(text).toString('hex').slice(0, 40);

/** Both languages end a label at a double quote. */
const quoted = (text: string): string => printable(text).replaceAll('"', "'");

export function renderMermaid({ nodes, edges }: Graph): string {
  const brackets = { network: ['[', ']'], container: ['(', ')'], host: ['{{', '}}'] } as const;
  const lines = [
    'graph LR',
    ...nodes.map(({ id, lines: words, shape }) => {
      const [open, close] = brackets[shape];
      return `  ${id}${open}"${words.map(quoted).join('<br/>')}"${close}`;
    }),
    ...edges.map(({ from, to, label }) => `  ${from} -- "${quoted(label) || ' '}" --- ${to}`),
  ];
  return `${lines.join('\n')}\n`;
}

export function renderDot({ nodes, edges }: Graph): string {
  const shapes = { network: 'box', container: 'ellipse', host: 'hexagon' } as const;
  const escape = (text: string): string => quoted(text).replaceAll('\\', '\\\\');
  const lines = [
    'graph flatnet {',
    '  rankdir=LR;',
    ...nodes.map(
      ({ id, lines: words, shape }) => `  ${id} [shape=${shapes[shape]}, label="${words.map(escape).join('\\n')}"];`,
    ),
    ...edges.map(({ from, to, label }) => `  ${from} -- ${to} [label="${escape(label)}"];`),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}
