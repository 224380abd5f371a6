// The packet matrix of flatnet-firewall beside that of the reference plugin, in one table that the test prints.
import { afterEach, beforeAll, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { gatewayOf, type NetworkName, type Place, PolicyLab } from './policy-lab.ts';

const host = useSandbox();
let lab: PolicyLab;
const attached: [Place, NetworkName][] = [];
beforeAll(async () => {
  lab = await PolicyLab.open(host.sandbox);
});
const detachAll = async (): Promise<void> => {
  for (const [place, network] of attached.splice(0)) await lab.del(place, network);
  // The reference leaves its chains, and what they drop.
  await host.sandbox.must('nft', ['flush', 'ruleset']);
};
afterEach(detachAll);

const PAIRS = ['a1>a2', 'a1>b1', 'b1>a1', 'a1>out', 'out>a1', 'host>a1'] as const;
const published = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];

/** What each pair comes to, and the published port of a1 from the network beside it and from outside. */
async function columnOf(ofA: object, ofB: object): Promise<Readonly<Record<string, string>>> {
  lab.configure('a', { ...ofA });
  lab.configure('b', { ...ofB });
  for (const place of ['a1', 'a2', 'b1'] as const) {
    const network = place === 'b1' ? 'b' : 'a';
    attached.push([place, network]);
    await lab.add(place, network, place === 'a1' ? { published } : {});
  }
  const [flows, across, outside] = await Promise.all([
    lab.matrix(...PAIRS),
    lab.ask('b1', gatewayOf('b', 4), 8080),
    lab.ask('out', '192.0.2.1', 8080),
  ]);
  await detachAll();
  return { ...flows, 'b1>a1 published': across, 'out>a1 published': outside };
}

const reference = (more: object = {}) => ({ type: 'firewall', backend: 'iptables', ...more });
const CLOSED = { ingressPolicy: 'same-bridge' };
const COLUMNS = [
  ['open: ours', {}, {}],
  ['open: reference', reference(), reference()],
  ['same-bridge, both: ours', CLOSED, CLOSED],
  ['same-bridge, both: reference', reference(CLOSED), reference(CLOSED)],
  ['isolated, published: ours', { ingressPolicy: 'isolated', external: 'published' }, {}],
] as const;

it('is printed as one table', async () => {
  const columns = new Map<string, Readonly<Record<string, string>>>();
  for (const [name, ofA, ofB] of COLUMNS) columns.set(name, await columnOf(ofA, ofB));
  const rows = Object.keys(columns.get('open: ours') ?? {});
  process.stdout.write(
    [
      `| packet | ${[...columns.keys()].join(' | ')} |`,
      `| --- |${' --- |'.repeat(columns.size)}`,
      ...rows.map((row) => `| ${row} | ${[...columns.values()].map((column) => column[row]).join(' | ')} |`),
    ].join('\n') + '\n',
  );
  const closed = columns.get('same-bridge, both: ours');
  expect(closed).toMatchObject({ 'a1>b1': 'silent', 'b1>a1': 'silent', 'b1>a1 published': 'yes', 'a1>a2': 'yes' });
  // Published ports of a closed network are lost with the reference.
  expect(columns.get('same-bridge, both: reference')).toMatchObject({ 'b1>a1': 'silent', 'b1>a1 published': 'silent' });
  expect(columns.get('isolated, published: ours')).toMatchObject({
    ...{ 'a1>a2': 'silent', 'a1>b1': 'yes', 'out>a1': 'silent', 'out>a1 published': 'yes' },
  });
});
