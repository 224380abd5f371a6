/** What one program, or a chain of them, cost. */
export interface Sample {
  /** From fork to exit, milliseconds. */
  readonly wallMs: number;
  /** User and system time of the program and of every descendant that was waited for, milliseconds. */
  readonly cpuMs: number;
  /** The whole machine stood still meanwhile. */
  readonly paused: boolean;
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

export const NOTHING: Sample = { wallMs: 0, cpuMs: 0, paused: false, exitCode: 0, stdout: '', stderr: '' };

/** Two things done one after the other: times add up, the output is the later one's. */
export const after = (first: Sample, second: Sample): Sample => ({
  ...second,
  wallMs: first.wallMs + second.wallMs,
  cpuMs: first.cpuMs + second.cpuMs,
  paused: first.paused || second.paused,
});

const ENOUGH = 3;

/**
 * The samples of each side that count: those during which the machine ran. Where they are fewer than three of a side, all of every side
 * count: a side's disturbed figures beside another's quiet ones would be no ratio.
 */
export function counting(sides: readonly (readonly Sample[])[]): readonly (readonly Sample[])[] {
  const undisturbed = sides.map((samples) => samples.filter(({ paused }) => !paused));
  return undisturbed.every(({ length }) => length >= ENOUGH) ? undisturbed : sides;
}

/** Median wall times of sides that are compared, milliseconds, of the samples that count. */
export const mediansMs = (sides: readonly (readonly Sample[])[]): readonly number[] =>
  counting(sides).map((samples) => median(samples.map(({ wallMs }) => wallMs)));

/** The same for one that is compared with none. */
export const medianMs = (samples: readonly Sample[]): number => mediansMs([samples])[0]!;

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
