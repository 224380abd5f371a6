/** What happened on this host, for all that listen. The last events are kept, so that a client that comes back misses none of them. */
export interface Event {
  /** Grows by one; begins at 1 with each start of flatnetd. */
  readonly id: number;
  /** ISO 8601. */
  readonly time: string;
  readonly kind: EventKind;
  readonly network?: string;
  readonly containerId?: string;
  readonly ifName?: string;
  /** A sentence for people. */
  readonly message: string;
}

/**
 * `attached`, `detached`, `lease`, `port`: a plugin did it. `refused`: a plugin failed. `lost`: the kernel told of a loss. `healed`: a repair
 * made it again. `failed`: a repair did not. `waiting`: repairs pause, since another program undoes them.
 */
export type EventKind =
  'attached' | 'detached' | 'lease' | 'port' | 'refused' | 'lost' | 'healed' | 'failed' | 'waiting';

type Listener = (event: Event) => void;

const KEPT = 1_000;

export class EventBus {
  readonly #kept: Event[] = [];
  readonly #listeners = new Set<Listener>();
  #last = 0;

  constructor(private readonly now: () => Date = () => new Date()) {}

  publish(event: Omit<Event, 'id' | 'time'>): void {
    const full: Event = { id: (this.#last += 1), time: this.now().toISOString(), ...event };
    this.#kept.push(full);
    if (this.#kept.length > KEPT) this.#kept.shift();
    for (const listener of this.#listeners) listener(full);
  }

  /** Kept events with a greater number. */
  since(id: number): readonly Event[] {
    return this.#kept.filter((event) => event.id > id);
  }

  /** @returns ends the subscription. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}
