// policy test: wanted verdicts beside real packets, on a throw-away host. What the networks' files say here is applied to nothing else.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '@flatnet/testing';
import { beforeAll, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { type Operator, operatorOf } from './operator.ts';

const host = useSandbox();
let ctl: Operator;
let folder: string;
beforeAll(() => {
  folder = join(host.sandbox.folder, 'net.d');
  mkdirSync(folder);
  ctl = operatorOf(host.sandbox, folder);
});

const network = (name: string, number: number, firewall: Json): void =>
  writeFileSync(
    join(folder, `${name}.conflist`),
    JSON.stringify({
      ...{ cniVersion: '1.1.0', name },
      plugins: [
        {
          ...{ type: 'flatnet', bridge: `br-${name}`, isDefaultGateway: true, ipMasq: true },
          ipam: {
            type: 'flatnet-ipam',
            ranges: [[{ subnet: `10.63.${number}.0/24` }], [{ subnet: `fd63:${number}::/64` }]],
          },
        },
        { type: 'flatnet-portmap', capabilities: { portMappings: true } },
        { type: 'flatnet-firewall', capabilities: { aliases: true }, ...firewall },
        // Needs no namespace of a runtime, and is left out.
        { type: 'flatnet-tuning' },
      ],
    }),
  );
const list = (wishes: unknown): string => {
  const file = join(host.sandbox.folder, 'wanted.json');
  writeFileSync(file, typeof wishes === 'string' ? wishes : JSON.stringify(wishes));
  return file;
};
const POLICIES = [
  { containers: ['db'], ingress: [{ from: [{ container: 'role-api' }], ports: [{ port: 5432 }] }] },
  { name: 'offline', containers: [], egress: [{ to: [{ ipBlock: { cidr: '203.0.113.9/32' } }] }] },
];
const WISHES = [
  { from: { container: 'api@a', aliases: ['role-api'] }, to: 'db@a', port: 5432, verdict: 'passes' },
  { from: 'api@a', to: 'db@a', port: 80, verdict: 'dropped' },
  { from: 'web@b', to: 'api@a', port: 80, verdict: 'blocked' },
  { from: 'internet', to: 'api@a', port: 80, published: true, verdict: 'passes' },
  { from: 'internet', to: 'api@a', port: 80, verdict: 'dropped' },
  { from: 'web@b', to: 'api@a', port: 80, published: true, verdict: 'passes' },
  {
    from: { container: 'job@a', policies: ['offline'] },
    to: '203.0.113.9',
    port: 53,
    protocol: 'UDP',
    verdict: 'passes',
  },
  { from: 'job@a', to: 'internet', port: 80, verdict: 'refused' },
  { from: 'job@a', to: 'host', port: 80, verdict: 'refused' },
  { from: 'host', to: 'db@a', port: 80, verdict: 'passes' },
];

it('verdicts are those of real packets, in both families, and nothing is left', async () => {
  network('a', 1, { ingressPolicy: 'same-bridge', external: 'published', policies: POLICIES });
  network('b', 2, { ingressPolicy: 'same-bridge' });
  const result = await ctl('policy', 'test', list(WISHES), '-o', 'json');
  const shown = JSON.parse(result.stdout) as Json[];
  // All but 203.0.113.9 are asked at both addresses.
  expect(shown.filter(({ state }) => state !== 'ok')).toEqual([]);
  expect(shown).toHaveLength(2 * WISHES.length - 1);
  expect(result.exitCode).toBe(0);
  const wrong = await ctl('policy', 'test', list([{ ...WISHES[1], verdict: 'passes' }]));
  expect(wrong).toMatchObject({ exitCode: 1 });
  expect(wrong.stdout).toMatch(/^api@a +db@a +80\/tcp +v4 +passes +dropped +failed$/m);
});

it('removes what it made when it is interrupted', async () => {
  const file = list([{ ...WISHES[1], to: 'nobody@a' }, ...WISHES]);
  const running = ctl('policy', 'test', file);
  const isAttached = async (): Promise<boolean> => (await host.sandbox.must('ip', ['netns', 'list'])).includes('-c1');
  while (!(await isAttached())) await sleep(20);
  const [pid = ''] = /flatnet-test-(\d+)-c1/.exec(await host.sandbox.must('ip', ['netns', 'list']))!.slice(1);
  await host.sandbox.must('kill', ['-INT', pid]);
  expect(await running).toMatchObject({ exitCode: 130 });
  expect(readdirSync(folder)).toHaveLength(2);
});

it('a network that is not there, a policy that it has not, and a file that is not there are told', async () => {
  await ctl.refuses(1, 'policy', 'test', list([{ ...WISHES[1], to: 'db@nothing' }]));
  const picks = { container: 'job@a', policies: ['nothing'] };
  expect(await ctl.refuses(1, 'policy', 'test', list([{ ...WISHES[1], from: picks }]))).toContain('"nothing"');
  await ctl.refuses(3, 'policy', 'test', '/nonexistent.json');
});
