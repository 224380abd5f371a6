import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fakeWorld } from './fake-world.ts';

const PLAIN = { from: 'api@a', to: 'db@a', port: 80, verdict: 'dropped' };

it.each<[string, unknown, RegExp]>([
  ['no JSON', '[', /JSON/],
  ['an empty list', [], /list/],
  ['an unknown key', [{ ...PLAIN, form: 'a@b' }], /list\[0\]\.form: unknown key/],
  ['no verdict', [{ from: 'a@a', to: 'host', port: 1 }], /list\[0\]\.verdict/],
  ['a verdict that is none', [{ ...PLAIN, verdict: 'allow' }], /list\[0\]\.verdict/],
  ['port 0', [{ ...PLAIN, port: 0 }], /list\[0\]\.port/],
  ['a name without a network', [{ ...PLAIN, to: 'db' }], /list\[0\]\.to/],
  ['a shell', [{ ...PLAIN, to: 'db@a;reboot' }], /list\[0\]\.to/],
  ['itself', [{ ...PLAIN, from: 'db@a' }], /list\[0\]\.to/],
  ['a published port of the host', [{ ...PLAIN, to: 'host', published: true }], /list\[0\]\.to/],
  ['a refusal by UDP', [{ ...PLAIN, protocol: 'UDP', verdict: 'refused' }], /list\[0\]\.verdict/],
  [
    'two sets of aliases',
    [
      { ...PLAIN, from: { container: 'api@a', aliases: ['role'] } },
      { ...PLAIN, from: { container: 'api@a', aliases: ['x'] } },
    ],
    /api@a/,
  ],
])('%s is refused', async (_, wishes, words) => {
  const { ctl, root } = fakeWorld();
  const file = join(root, 'wanted.json');
  writeFileSync(file, typeof wishes === 'string' ? wishes : JSON.stringify(wishes));
  expect(await ctl('policy', 'test', file)).toMatchObject({ code: 2, err: expect.stringMatching(words) as string });
});

it('says what it would ask', async () => {
  const { ctl, root } = fakeWorld();
  const file = join(root, 'wanted.json');
  const wishes = [
    PLAIN,
    { ...PLAIN, from: 'internet', to: '2001:0db8::1' },
    { ...PLAIN, from: 'host', Protocol: 'udp', verdict: 'blocked' },
  ];
  writeFileSync(file, JSON.stringify(wishes.filter(({ to }) => to === 'db@a')));
  expect(await ctl('policy', 'test', '--dry-run', file)).toMatchObject({
    out: 'would ask db@a at tcp 80 from api@a\nwould ask db@a at udp 80 from host\n',
  });
  writeFileSync(file, JSON.stringify(wishes));
  expect((await ctl('policy', 'test', '--dry-run', file)).err).toContain('list[1].to');
});
