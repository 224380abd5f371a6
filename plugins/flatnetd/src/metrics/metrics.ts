/** The metrics, by prom-client. Names follow Prometheus: base units, `_total` for counters. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { LogLine } from '@flatnet/skel/log-line';

export class Metrics {
  readonly registry = new Registry();
  readonly #calls = new Counter({
    ...{ name: 'flatnet_plugin_calls_total', help: 'Calls of plugins, those of all runtimes.' },
    ...{ labelNames: ['plugin', 'verb', 'outcome'], registers: [this.registry] },
  });
  readonly #seconds = new Histogram({
    ...{ name: 'flatnet_plugin_call_seconds', help: 'How long calls of plugins took.' },
    ...{ labelNames: ['plugin', 'verb'], registers: [this.registry] },
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
  });
  readonly #repairs = new Counter({
    ...{ name: 'flatnet_repairs_total', help: 'What flatnetd made again, or could not.' },
    ...{ labelNames: ['kind', 'outcome'], registers: [this.registry] },
  });
  readonly #comparisons = new Histogram({
    ...{ name: 'flatnet_comparison_seconds', help: 'How long a comparison with the kernel took, repairs included.' },
    ...{ buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30], registers: [this.registry] },
  });
  readonly #addresses = this.#gauge('flatnet_addresses', 'Addresses of a network by state.', [
    'network',
    'subnet',
    'state',
  ]);
  readonly #attachments = this.#gauge('flatnet_attachments', 'Containers of a network by state.', ['network', 'state']);
  readonly #rules = this.#gauge('flatnet_rules', 'Rules of a network by kind and state.', ['network', 'kind', 'state']);
  readonly #traffic = new Gauge({
    ...{ name: 'flatnet_container_traffic', help: 'Bytes, packets and drops since ADD, as the container sees them.' },
    ...{ labelNames: ['network', 'container', 'interface', 'direction', 'unit'], registers: [this.registry] },
  });

  constructor(version: string) {
    this.#gauge('flatnet_build_info', 'The version that runs.', ['version']).set({ version }, 1);
  }

  #gauge(name: string, help: string, labelNames: readonly string[]): Gauge {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  call({ plugin, verb = 'none', outcome, ms = 0 }: LogLine): void {
    this.#calls.inc({ plugin, verb, outcome });
    this.#seconds.observe({ plugin, verb }, ms / 1000);
  }

  repair(kind: string, outcome: 'healed' | 'failed'): void {
    this.#repairs.inc({ kind, outcome });
  }

  comparison(seconds: number): void {
    this.#comparisons.observe(seconds);
  }

  /** Replaces what was measured before: what is gone must not be told for ever. */
  measured({ addresses, attachments, rules, traffic }: Measured): void {
    this.#addresses.reset();
    this.#attachments.reset();
    this.#rules.reset();
    this.#traffic.reset();
    for (const { network, subnet, used, free } of addresses) {
      this.#addresses.set({ network, subnet, state: 'used' }, used);
      this.#addresses.set({ network, subnet, state: 'free' }, free);
    }
    for (const { network, state } of attachments) this.#attachments.inc({ network, state });
    for (const { network, kind, state } of rules) this.#rules.inc({ network, kind, state });
    for (const { network, containerId: container, ifName, direction, unit, value } of traffic)
      this.#traffic.set({ network, container, interface: ifName, direction, unit }, value);
  }
}

/** A look at the host. */
export interface Measured {
  readonly addresses: readonly {
    readonly network: string;
    readonly subnet: string;
    readonly used: number;
    readonly free: number;
  }[];
  /** One for each lease: `alive`, `gone` (a lease of a dead container) or `unknown`. */
  readonly attachments: readonly { readonly network: string; readonly state: string }[];
  readonly rules: readonly { readonly network: string; readonly kind: string; readonly state: string }[];
  readonly traffic: readonly Traffic[];
}

export interface Traffic {
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  /** As the container sees it. */
  readonly direction: 'received' | 'sent';
  readonly unit: 'bytes' | 'packets' | 'dropped';
  readonly value: number;
}
