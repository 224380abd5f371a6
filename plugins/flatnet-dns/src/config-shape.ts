// Made from the schema by a test of this project: npx vitest run DIRECTORY -u
import type { Shape } from '@flatnet/cni';

export const configShape: Shape = {
  object: {
    domainName: 'text',
    nameservers: { list: 'text' },
    internal: 'flag',
    runtimeConfig: { object: { aliases: { either: [{ list: 'text' }, { map: { list: 'text' } }] } } },
  },
};
