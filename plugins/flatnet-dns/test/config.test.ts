import { expect, it } from 'vitest';
import { decodeConfig } from '../src/config.ts';
import { domainOf, namesOf } from '../src/names.ts';
import { decodeRaw } from '../src/schema.ts';

const decode = (json: object) => decodeConfig({ name: 'net', ...json }, 'ADD', decodeRaw);
const attachment = { containerId: 'ABCDEF012345-6789', ifName: 'eth0' };
const named = (name: string, json: object = {}) =>
  namesOf({ config: decode(json), args: new Map([['K8S_POD_NAME', name]]), attachment }, 'net');

it('the name, the aliases of this network and the short id, in lower case and once each', () => {
  const aliases = { net: ['Front', 'web'], other: ['other'] };
  expect(named('WEB', { runtimeConfig: { aliases } })).toEqual(['web', 'front', 'abcdef012345']);
  expect(named('', { runtimeConfig: { aliases: ['one'] } })).toEqual(['one', 'abcdef012345']);
  expect(named('a.b')).toEqual(['a.b', 'a.b.net', 'abcdef012345']);
  expect(named('a.net')).toEqual(['a.net', 'abcdef012345']);
});

it("the domain is the network's name where that can be one", () => {
  const of = (network: string, json: object = {}) => domainOf({ config: decode(json), network });
  expect(of('MyNet')).toBe('mynet');
  expect(of('my-net-')).toBe('dns.flatnet');
  expect(of('MyNet', { domainName: 'Dns.Podman' })).toBe('dns.podman');
});

it.each<[string, object, string]>([
  ['domainName', { domainName: '' }, 'domainName'],
  ['domainName', { domainName: 'a b' }, 'domainName'],
  ['domainName', { domainName: '.' }, 'domainName'],
  ['nameservers', { nameservers: ['9.9.9.9#53'] }, 'nameservers'],
  ['nameservers', { nameservers: ['dns.example'] }, 'nameservers'],
  ['aliases', { runtimeConfig: { aliases: ['a b'] } }, 'runtimeConfig.aliases'],
  ['aliases', { runtimeConfig: { aliases: { net: [''] } } }, 'runtimeConfig.aliases'],
  ['internal', { internal: 'yes' }, 'internal'],
])('refuses %s %j with the field', (_key, json, field) => {
  expect(() => decode(json)).toThrow(expect.objectContaining({ code: 7, details: expect.stringContaining(field) }));
});

it.each(['we b', '10.0.0.1', '-web', 'web.', 'wéb', 'web#'])('refuses the name %j', (name) => {
  expect(() => named(name)).toThrow(
    expect.objectContaining({ code: 7, details: expect.stringContaining('K8S_POD_NAME') }),
  );
});

it('DEL and GC need nothing of the configuration', () => {
  expect(decodeConfig({ domainName: 7 }, 'DEL')).toEqual({ internal: false, aliases: [] });
  expect(decodeConfig({ domainName: 7 }, 'GC')).toEqual({ internal: false, aliases: [] });
});
