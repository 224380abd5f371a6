import { describe, expect, it } from 'vitest';
import { attachmentHash, isIdentifier, isInterfaceName, networkHash } from '../src/index.ts';

const HOSTILE = [
  '',
  '.',
  '..',
  '../x',
  'a/b',
  '-h',
  'a;b',
  '$(id)',
  'a b',
  'a\nb',
  'a\n',
  'a\0b',
  'é',
  'a:b',
  "a'b",
  'a"b',
  'x@y',
];

describe('names', () => {
  it.each(HOSTILE)('refuses %j as identifier and as interface', (name) => {
    expect(isIdentifier(name)).toBe(false);
    expect(isInterfaceName(name)).toBe(false);
  });
  it.each(['eth%d', 'all', 'default', 'lo', 'x'.repeat(16)])('refuses %j as interface', (name) => {
    expect(isInterfaceName(name)).toBe(false);
  });
  it.each(['eth0', 'a.b-c_d', '_x', 'x'.repeat(15)])('takes %j as interface', (name) => {
    expect(isInterfaceName(name)).toBe(true);
  });
  it('takes long identifiers', () => {
    expect(isIdentifier('a'.repeat(300))).toBe(true);
  });
  it('tells attachments apart, however their parts are cut', () => {
    const hashes = [
      attachmentHash('net', { containerId: 'a', ifName: 'eth0' }),
      attachmentHash('net', { containerId: 'a', ifName: 'eth1' }),
      attachmentHash('neta', { containerId: 'a', ifName: 'eth0' }),
      attachmentHash('net', { containerId: 'aeth0', ifName: '' }),
    ];
    expect(new Set(hashes).size).toBe(4);
    expect(hashes[0]).toMatch(/^[0-9a-f]{24}$/);
    expect(networkHash('net')).toMatch(/^[0-9a-f]{12}$/);
  });
});
