import type { Attachment, CniError } from '@flatnet/cni';

/** What one call was about and where its time went: filled while it runs, written as one line of the log. */
export class Trace {
  /** Of CNI, or of Podman's driver interface. */
  verb?: string;
  network?: string;
  attachment?: Attachment;
  error?: CniError;
  /** `logFile` of the configuration, not validated yet. */
  logFile?: unknown;
  /** Free words of a plugin, e.g. the use of a range in STATUS. */
  note?: string;
  readonly #phases = new Map<string, number>();
  /** Phases that have not finished, with their begin. */
  readonly #running = new Map<string, number>();
  readonly #begin = performance.now();

  constructor(readonly plugin: string) {}

  /** Runs `work` and adds its duration to the phase's. */
  async phase<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    const begin = performance.now();
    this.#running.set(name, begin);
    try {
      return await work();
    } finally {
      this.#running.delete(name);
      this.#phases.set(name, (this.#phases.get(name) ?? 0) + performance.now() - begin);
    }
  }

  /** Names of the phases that have begun and not finished. */
  get running(): readonly string[] {
    return [...this.#running.keys()];
  }

  /** The log line (durations in milliseconds). */
  toLine(now: Date): string {
    const rounded = (ms: number): number => Math.round(ms * 100) / 100;
    return JSON.stringify({
      time: now.toISOString(),
      plugin: this.plugin,
      pid: process.pid,
      verb: this.verb,
      network: this.network,
      containerId: this.attachment?.containerId,
      ifName: this.attachment?.ifName,
      outcome: this.error === undefined ? 'ok' : 'error',
      code: this.error?.code,
      msg: this.error?.message,
      details: this.error?.details,
      note: this.note,
      ms: rounded(performance.now() - this.#begin),
      running: this.#running.size === 0 ? undefined : this.running,
      phases: Object.fromEntries([...this.#phases].map(([name, ms]) => [name, rounded(ms)])),
      traceparent: process.env['TRACEPARENT'],
    });
  }
}
