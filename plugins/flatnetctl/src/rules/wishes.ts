/** Which rules per container the flatnet plugin's configuration asks for. Pure. */
import { configObject } from '@flatnet/cni/schema';
import * as z from 'zod/mini';
import { mainPlugin, type Network } from '../conflist/model.ts';

const flag = z.catch(z.optional(z.boolean()), undefined);
const schema = configObject({ antiSpoof: flag, macspoofchk: flag, clampMSS: flag });

export interface RuleWishes {
  /** `all`: what leaves the port must be from its MAC and its addresses; `mac`: from its MAC. */
  readonly guard?: 'all' | 'mac';
  readonly clamp: boolean;
}

/** What cannot be read counts as not asked for: ADD would have refused it. */
export function wishesOf(network: Network): RuleWishes {
  const { antiSpoof, macspoofchk, clampMSS } = z.parse(schema, mainPlugin(network));
  const guard = antiSpoof === true ? 'all' : macspoofchk === true ? 'mac' : undefined;
  return { ...(guard === undefined ? {} : { guard }), clamp: clampMSS === true };
}
