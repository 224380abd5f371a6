// Made from the schema by a test of this project: npx vitest run DIRECTORY -u
import type { Shape } from '@flatnet/cni';

export const configShape: Shape = {
  object: {
    ingressRate: 'number',
    ingressBurst: 'number',
    egressRate: 'number',
    egressBurst: 'number',
    latency: { int: [1, 10000] },
    shapedSubnets: { list: 'text' },
    unshapedSubnets: { list: 'text' },
    capabilities: { object: { bandwidth: 'flag' } },
    runtimeConfig: {
      object: {
        bandwidth: {
          object: { ingressRate: 'number', ingressBurst: 'number', egressRate: 'number', egressBurst: 'number' },
        },
      },
    },
  },
};
