/** What one program, or a chain of them, cost. */
export interface Sample {
  /** From fork to exit, without the time in which the whole machine stood still, milliseconds. */
  readonly wallMs: number;
  /** User and system time of the program and of every descendant that was waited for, milliseconds. A pause counts as if it had worked. */
  readonly cpuMs: number;
  /** How long the whole machine stood still meanwhile, milliseconds. */
  readonly pausedMs: number;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program to be started in a sandbox. Its environment is exactly `env`. */
export interface Command {
  readonly file: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export const NOTHING: Sample = { wallMs: 0, cpuMs: 0, pausedMs: 0, exitCode: 0, stdout: '', stderr: '' };

/** Two things done one after the other: times add up, the output is the later one's. */
export const after = (first: Sample, second: Sample): Sample => ({
  ...second,
  wallMs: first.wallMs + second.wallMs,
  cpuMs: first.cpuMs + second.cpuMs,
  pausedMs: first.pausedMs + second.pausedMs,
});

/** The samples during which the machine ran all the time. */
export const quiet = (samples: readonly Sample[]): readonly Sample[] =>
  samples.filter(({ pausedMs }) => pausedMs === 0);

/** Median wall time, milliseconds. */
export const medianMs = (samples: readonly Sample[]): number => median(samples.map(({ wallMs }) => wallMs));

const ENOUGH = 3;

/** Median CPU time of the undisturbed samples, milliseconds; NaN when they are fewer than three. */
export function medianCpuMs(samples: readonly Sample[]): number {
  const undisturbed = quiet(samples);
  return undisturbed.length < ENOUGH ? NaN : median(undisturbed.map(({ cpuMs }) => cpuMs));
}

/** The middle value; of an even number of values the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Half the distance between the quartiles: how far a run is usually from the median. */
export function spread(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.round((sorted.length - 1) * part)] ?? NaN;
  return (at(0.75) - at(0.25)) / 2;
}
