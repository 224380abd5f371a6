import { describe, expect, it } from 'vitest';
import { parseCniArgs } from '../src/index.ts';

describe('CNI_ARGS', () => {
  it('keeps the last value of a key, and = in values', () => {
    expect([...parseCniArgs('IP=10.0.0.1;IP=10.0.0.2;K8S_POD_NAME=a=b')]).toEqual([
      ['IP', '10.0.0.2'],
      ['K8S_POD_NAME', 'a=b'],
    ]);
  });
  it('refuses an unknown key, unless told to ignore it', () => {
    expect(() => parseCniArgs('FOO=1')).toThrow(/unknown CNI_ARGS key "FOO"/);
    expect(parseCniArgs('IgnoreUnknown=1;FOO=1').get('FOO')).toBe('1');
    expect(parseCniArgs('FOO=1;IgnoreUnknown=true').get('FOO')).toBe('1');
    expect(parseCniArgs('FOO=1', ['FOO']).get('FOO')).toBe('1');
  });
  it.each(['IP', '=1', 'IP=1;x'])('refuses %j', (text) => {
    expect(() => parseCniArgs(text)).toThrow(/invalid CNI_ARGS/);
  });
  it('is not fooled by __proto__', () => {
    expect(parseCniArgs('IgnoreUnknown=1;__proto__=x').get('__proto__')).toBe('x');
  });
});
