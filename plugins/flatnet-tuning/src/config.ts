import { type Explain, misfit, readShape, type Verb } from '@flatnet/cni';
import type { LinkTuning } from '@flatnet/tuning';
import { configShape } from './config-shape.ts';
import { macOf } from './mac.ts';
import type { Raw } from './schema.ts';
import { sysctlsIn, type WantedSysctl } from './sysctls.ts';

/** The plugin configuration, decoded; README.md tells what each key means. */
export interface TuningConfig {
  readonly sysctls: readonly WantedSysctl[];
  readonly link: LinkTuning;
  /** From the conflist: what CNI_ARGS say beats it. */
  readonly ownMac?: string;
  /** From the runtime: it beats what CNI_ARGS say. */
  readonly mac?: string;
}

/** Decodes the configuration. DEL and GC need none of it. @throws CniError code 7. */
export function decodeConfig(
  json: Readonly<Record<string, unknown>>,
  verb: Verb,
  explain: Explain<Raw> = misfit,
): TuningConfig {
  if (verb === 'DEL' || verb === 'GC') return { sysctls: [], link: {} };
  return resolve(readShape<Raw>(configShape, json) ?? explain(json));
}

/** `args.cni` beats the conflist's own keys, one by one. Zero, false and an empty text are absent keys, as in the reference plugin. */
function resolve(raw: Raw): TuningConfig {
  const args = raw.args?.cni ?? {};
  const mac = macOf('args.cni.mac', args.mac) ?? macOf('runtimeConfig.mac', raw.runtimeConfig?.mac);
  const ownMac = macOf('mac', raw.mac);
  const mtu = args.mtu || raw.mtu;
  const promiscuous = args.promisc || raw.promisc;
  const allMulticast = args.allmulti ?? raw.allmulti;
  const txQueueLength = args.txQLen || raw.txQLen;
  return {
    sysctls: sysctlsIn({ ...raw.sysctl, ...args.sysctl }),
    link: {
      ...(mtu ? { mtu } : {}),
      ...(promiscuous ? { promiscuous } : {}),
      ...(allMulticast === undefined ? {} : { allMulticast }),
      ...(txQueueLength ? { txQueueLength } : {}),
    },
    ...(ownMac === undefined ? {} : { ownMac }),
    ...(mac === undefined ? {} : { mac }),
  };
}
