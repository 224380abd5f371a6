import { describe, expect, test } from 'vitest';
import type { AddRequest } from '@flatnet/skel';
import { decodeConfig, type Config } from '../src/config.ts';
import { wishOf } from '../src/request.ts';

/** What the plugin reads of a request whose CNI_ARGS have this `IP`. */
const requestedBy = (ip: string): string[] => {
  const config = decodeConfig({ cniVersion: '1.0.0', name: 'n', ipam: { subnet: '10.1.0.0/24' } }, 'ADD');
  const request = { verb: 'ADD', config, args: new Map([['IP', ip]]) } as unknown as AddRequest<Config>;
  return wishOf(request).requested.map(String);
};

describe('IP of CNI_ARGS', () => {
  test.each([
    ['', []],
    ['10.1.0.5', ['10.1.0.5']],
    ['::ffff:10.1.0.5', ['10.1.0.5']],
    ['10.1.0.5/24,FD00::5', ['10.1.0.5', 'fd00::5']],
  ])('%j', (text, ips) => {
    expect(requestedBy(text)).toEqual(ips);
  });

  test.each([
    ' 10.1.0.5',
    '10.1.0.5 ',
    '10.1.0.5, 10.1.0.6',
    '10.1.0.5,',
    ',',
    '010.1.0.5',
    'fe80::5%eth0',
    '10.1.0.5/33',
  ])('refuses %j with code 4', (text) => {
    expect(() => requestedBy(text)).toThrow(expect.objectContaining({ code: 4, message: 'invalid IP in CNI_ARGS' }));
  });
});
