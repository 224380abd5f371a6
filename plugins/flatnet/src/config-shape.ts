// Made from the schema by a test of this project: npx vitest run DIRECTORY -u
import type { Shape } from '@flatnet/cni';

export const configShape: Shape = {
  object: {
    name: 'text',
    bridge: 'text',
    isGateway: 'flag',
    isDefaultGateway: 'flag',
    forceAddress: 'flag',
    ipMasq: 'flag',
    ipMasqBackend: 'text',
    mtu: { int: [0, 65535] },
    hairpinMode: 'flag',
    promiscMode: 'flag',
    vlan: { int: [0, 4094] },
    vlanTrunk: { list: { object: { id: { int: [1, 4094] }, minID: { int: [1, 4094] }, maxID: { int: [1, 4094] } } } },
    preserveDefaultVlan: 'flag',
    macspoofchk: 'flag',
    enabledad: 'flag',
    disableContainerInterface: 'flag',
    portIsolation: 'flag',
    antiSpoof: 'flag',
    internal: 'flag',
    allowOverlap: 'flag',
    clampMSS: 'flag',
    defaultRoutePriority: { int: [0, 4294967295] },
    ipam: { object: { type: 'text' } },
    dns: {
      object: { nameservers: { list: 'text' }, domain: 'text', search: { list: 'text' }, options: { list: 'text' } },
    },
    args: { object: { cni: { object: { mac: 'text' } } } },
    runtimeConfig: { object: { mac: 'text' } },
  },
  required: ['name'],
};
