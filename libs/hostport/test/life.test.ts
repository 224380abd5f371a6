import { expect, it } from 'vitest';
import { statSync } from 'node:fs';
import { isDead, isDeadSoon } from '../src/life.ts';

const own = statSync('/proc/self/ns/net');
const GONE = { owner: { hash: '0'.repeat(24) }, netns: '/run/netns/none', netnsId: '1:1' };

it.each<[string, object, boolean]>([
  ['namespace and host end are gone', {}, true],
  ['another namespace is at the path', { netns: '/proc/self/ns/net' }, true],
  ['the namespace is there', { netns: '/proc/self/ns/net', netnsId: `${own.dev}:${own.ino}` }, false],
  ['the host end of another main plugin is there', { hostEnds: ['lo'] }, false],
  ['ADD could not see the namespace', { netnsId: '' }, false],
  ['ADD was told of no namespace', { netns: '' }, false],
  ['the path leads to no namespace that can be looked at', { netns: '/proc/self/mem/x', netnsId: '1:1' }, true],
])('%s', (_what, more, expected) => {
  expect(isDead({ ...GONE, ...more })).toBe(expected);
  expect(isDeadSoon({ ...GONE, ...more })).toBe(expected);
});
