// Made from the schema by a test of this project: npx vitest run DIRECTORY -u
import type { Shape } from '@flatnet/cni';

export const configShape: Shape = {
  object: {
    ipam: {
      object: {
        subnet: 'text',
        rangeStart: 'text',
        rangeEnd: 'text',
        gateway: 'text',
        ranges: {
          list: { list: { object: { subnet: 'text', rangeStart: 'text', rangeEnd: 'text', gateway: 'text' } } },
        },
        routes: {
          list: {
            object: {
              dst: { checked: 'destination' },
              gw: { checked: 'gateway' },
              mtu: { int: [0, null] },
              advmss: { int: [0, null] },
              priority: { int: [0, null] },
              table: { int: [0, null] },
              scope: { int: [0, null] },
            },
            required: ['dst'],
          },
        },
        resolvConf: 'text',
        dataDir: { checked: 'path' },
        exclude: { list: 'text' },
        reserve: { map: { either: [{ checked: 'address' }, { list: { checked: 'address' } }] } },
        stickyBy: { word: ['name'] },
        cooldown: { int: [0, 86400] },
        importFrom: { checked: 'path' },
      },
    },
    args: { object: { cni: { object: { ips: { list: { checked: 'address' } }, mac: 'text' } } } },
    runtimeConfig: {
      object: {
        ips: { list: { checked: 'address' } },
        ipRanges: {
          list: { list: { object: { subnet: 'text', rangeStart: 'text', rangeEnd: 'text', gateway: 'text' } } },
        },
        mac: 'text',
      },
    },
  },
  required: ['ipam'],
};
