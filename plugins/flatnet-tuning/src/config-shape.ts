// Made from the schema by a test of this project: npx vitest run DIRECTORY -u
import type { Shape } from '@flatnet/cni';

export const configShape: Shape = {
  object: {
    sysctl: { map: 'text' },
    mac: 'text',
    mtu: { int: [0, 65535] },
    promisc: 'flag',
    allmulti: 'flag',
    txQLen: { int: [0, 2147483647] },
    dataDir: 'text',
    runtimeConfig: { object: { mac: 'text' } },
    args: {
      object: {
        cni: {
          object: {
            sysctl: { map: 'text' },
            mac: 'text',
            mtu: { int: [0, 65535] },
            promisc: 'flag',
            allmulti: 'flag',
            txQLen: { int: [0, 2147483647] },
          },
        },
      },
    },
  },
};
