// Made from the schema by a test of this project: npx vitest run DIRECTORY -u
import type { Shape } from '@flatnet/cni';

export const configShape: Shape = {
  object: {
    backend: 'text',
    iptablesAdminChainName: 'text',
    firewalldZone: 'text',
    ingressPolicy: 'text',
    external: 'text',
    allowNetworks: { list: 'text' },
    isolatePublished: 'flag',
    policies: 'any',
    args: { object: { cni: { object: { policies: { either: ['text', { list: 'text' }] } } } } },
    runtimeConfig: {
      object: {
        aliases: { either: [{ list: 'text' }, { map: { list: 'text' } }] },
        'io.kubernetes.cri.pod-annotations': { map: 'text' },
      },
    },
  },
};
