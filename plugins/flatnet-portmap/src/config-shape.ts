// Made from the schema by a test of this project: npx vitest run DIRECTORY -u
import type { Shape } from '@flatnet/cni';

export const configShape: Shape = {
  object: {
    snat: 'flag',
    masqAll: 'flag',
    ipMasq: 'flag',
    snatAddress: { either: ['text', { list: 'text' }] },
    markMasqBit: { int: [0, 31] },
    externalSetMarkChain: 'text',
    backend: 'text',
    conditionsV4: { list: 'text' },
    conditionsV6: { list: 'text' },
    defaultHostIP: { either: ['text', { list: 'text' }] },
    allowFrom: { either: ['text', { list: 'text' }] },
    dataDir: 'text',
    runtimeConfig: {
      object: {
        portMappings: {
          list: {
            object: {
              hostPort: { int: [1, 65535] },
              containerPort: { int: [1, 65535] },
              protocol: 'text',
              hostIP: 'text',
              range: { int: [1, 65535] },
              allowFrom: { either: ['text', { list: 'text' }] },
            },
            required: ['hostPort', 'containerPort'],
          },
        },
      },
    },
  },
};
