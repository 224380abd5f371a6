/** The loop of recovery: a loss, or the time, makes one comparison and repair; never two at once. */
import type { EventBus } from '../events/bus.ts';
import type { Operator } from '../programs/operator.ts';
import { Patience } from './patience.ts';

/** What `flatnetctl heal -o json` prints, as far as it is used here. */
export interface Healed {
  readonly rebuilt: readonly Entry[];
  readonly failed: readonly (Entry & { readonly reason: string })[];
  readonly freed: readonly {
    readonly finding: { readonly network: string; readonly containerId: string };
    readonly outcome: string;
  }[];
}
interface Entry {
  readonly kind: string;
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  readonly rule: string;
}

export interface RecoveryDeps {
  readonly operator: Operator;
  readonly bus: EventBus;
  readonly observe: boolean;
  /** Milliseconds of a clock that is never set. */
  readonly clock: () => number;
  /** For metrics: one repair of a kind, or its failure. */
  readonly count: (kind: string, outcome: 'healed' | 'failed') => void;
  /** For metrics: seconds that a comparison took. */
  readonly took: (seconds: number) => void;
  /** Called after each comparison: what to watch may have changed. */
  readonly compared: () => void;
}

/** A loss comes as a burst of messages: one comparison is for all of it. */
const SETTLE_MS = 50;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 60_000;

export class Recovery {
  /** By network: one that is fought for keeps no other waiting. */
  readonly #patience = new Map<string, Patience>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wanted = false;
  #stopped = false;
  /** What the kernel told of since the last comparison: an alarm until that finds something. */
  #losses = new Set<string>();
  #retryMs = FIRST_RETRY_MS;
  /** Whether a whole comparison has been made since the start. */
  isReady = false;

  constructor(private readonly deps: RecoveryDeps) {}

  /** Asks for a comparison because of a loss; empty for one that is due. */
  ask(losses: readonly string[]): void {
    for (const message of losses) this.#losses.add(message);
    this.#schedule(losses.length === 0 ? 0 : SETTLE_MS);
  }

  /** Waits for the comparison that is under way, and begins no other. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#pauses.forEach((pause) => clearTimeout(pause));
    await this.#running;
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    if (this.#running !== undefined) {
      this.#wanted = true;
      return;
    }
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#compare().finally(() => {
        this.#running = undefined;
        if (!this.#wanted) return;
        this.#wanted = false;
        this.#schedule(SETTLE_MS);
      });
    }, delayMs);
  }

  async #compare(): Promise<void> {
    const { operator, observe, clock, took, compared, bus } = this.deps;
    const begin = clock();
    const losses = this.#losses;
    this.#losses = new Set();
    const waiting = [...this.#patience].filter(([, patience]) => patience.wait(begin) > 0);
    const except = waiting.map(([network]) => `--except=${network}`);
    const answer = await operator(['heal', '-o', 'json', ...except, ...(observe ? ['--dry-run'] : [])]);
    took((clock() - begin) / 1000);
    const healed = answer.json as Partial<Healed> | undefined;
    if (!answer.ok && healed?.failed === undefined)
      bus.publish({ kind: 'failed', message: `the comparison failed: ${answer.problem.message}` });
    else this.#tell(healed ?? {}, losses);
    this.isReady = true;
    compared();
  }

  #tell({ rebuilt = [], failed = [], freed = [] }: Partial<Healed>, losses: ReadonlySet<string>): void {
    const { bus, count, observe } = this.deps;
    if (rebuilt.length + failed.length > 0) losses.forEach((message) => bus.publish({ kind: 'lost', message }));
    for (const entry of rebuilt) {
      const [is, was] = entry.kind === 'names' ? ['are', 'were'] : ['is', 'was'];
      const words = observe ? `${is} missing` : `${was} missing and ${is} made again`;
      bus.publish({
        kind: observe ? 'lost' : 'healed',
        ...placeOf(entry),
        message: `${entry.kind} ${words}: ${entry.rule}`,
      });
      if (!observe) count(entry.kind, 'healed');
    }
    for (const entry of failed) {
      bus.publish({ kind: 'failed', ...placeOf(entry), message: `${entry.kind} is missing still: ${entry.reason}` });
      count(entry.kind, 'failed');
    }
    for (const { finding, outcome } of freed) {
      const { network, containerId } = finding;
      const message = `what the dead container ${containerId} left: ${outcome}`;
      bus.publish({ kind: outcome === 'failed' ? 'failed' : 'healed', network, containerId, message });
      if (!observe) count('dead-attachment', outcome === 'failed' ? 'failed' : 'healed');
    }
    if (observe) return;
    // What another program undoes at once has failed when the comparison ends.
    this.#rest([...rebuilt, ...failed]);
    // A plugin may be at work for it, or a setting cannot be written.
    this.#retryMs = failed.length === 0 ? FIRST_RETRY_MS : Math.min(LONGEST_RETRY_MS, this.#retryMs * 2);
    if (failed.length > 0) this.#again(this.#retryMs);
  }

  /** Notes the repairs; a network that needs the same ones again and again gets a rest. */
  #rest(entries: readonly Entry[]): void {
    const { bus, clock } = this.deps;
    for (const network of new Set(entries.map((entry) => entry.network))) {
      const repairs = entries.flatMap((entry) => (entry.network === network ? [keyOf(entry)] : []));
      const patience = this.#patience.get(network) ?? new Patience();
      this.#patience.set(network, patience);
      const pause = patience.note(repairs, clock());
      if (pause === 0) continue;
      const message = `the same repair was needed again and again: the next is made in ${pause / 1000} s`;
      bus.publish({ kind: 'waiting', network, message });
      this.#again(pause);
    }
  }

  #again(afterMs: number): void {
    const timer = setTimeout(() => {
      this.#pauses.delete(timer);
      this.#schedule(0);
    }, afterMs);
    this.#pauses.add(timer);
  }
}

const keyOf = ({ kind, containerId, ifName, rule }: Entry): string => JSON.stringify([kind, containerId, ifName, rule]);

const placeOf = ({ network, containerId, ifName }: Entry) => ({
  network,
  ...(containerId === '' ? {} : { containerId }),
  ...(ifName === '' ? {} : { ifName }),
});
