// Made from the schema by a test of this project: npx vitest run DIRECTORY -u
import type { Shape } from './shape.ts';

export const resultShape: Shape = {
  object: {
    interfaces: {
      list: {
        object: { name: 'text', mac: 'text', mtu: 'number', sandbox: 'text', socketPath: 'text', pciID: 'text' },
        required: ['name'],
      },
    },
    ips: { list: { object: { address: 'text', gateway: 'text', interface: 'number' }, required: ['address'] } },
    routes: {
      list: {
        object: {
          dst: 'text',
          gw: 'text',
          mtu: 'number',
          advmss: 'number',
          priority: 'number',
          table: 'number',
          scope: 'number',
        },
        required: ['dst'],
      },
    },
    dns: {
      object: { nameservers: { list: 'text' }, domain: 'text', search: { list: 'text' }, options: { list: 'text' } },
    },
  },
};
