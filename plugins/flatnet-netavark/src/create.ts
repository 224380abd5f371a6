/** create: the network as Podman sent it, with what flatnet chooses. Changes nothing: Podman keeps what is answered. */
import { randomBytes } from 'node:crypto';
import { realKernel } from '@flatnet/kernel';
import type { DriverAnswer, DriverCall } from './call.ts';
import { planNetwork } from './plan-network.ts';
import { surroundingsOf } from './surroundings.ts';

/** @throws CniError code 7 that names the field, or the subnet in the way. */
export function create({ json, env, trace, warn }: DriverCall): Promise<DriverAnswer> {
  const around = { ...surroundingsOf(realKernel(), env), random: () => randomBytes(5) };
  const { network, name, words } = planNetwork(json, around);
  trace.network = name;
  words.forEach(warn);
  return Promise.resolve({ json: network });
}
