import { Option, type Command } from 'commander';
import { usage } from '../failure.ts';
import type { Format } from '../output.ts';
import { DEFAULT_CACHE_DIR, DEFAULT_NET_DIR, placesOf, type PlaceOptions, type Places } from '../places.ts';
import type { World } from '../world.ts';

/** Collects the values of a repeatable option. */
export const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];

/** Adds the options that say where things are. */
export const withPlaces = (command: Command): Command =>
  command
    .option('--net-dir <dir>', `network configurations (default $NETCONFPATH or ${DEFAULT_NET_DIR})`)
    .option('--cni-path <dirs>', 'plugin executables, colon-separated (default $CNI_PATH or where runtimes look)')
    .option('--cache-dir <dir>', `libcni's cache (default $CNI_CACHE_DIR or ${DEFAULT_CACHE_DIR})`);

export const withOutput = (command: Command): Command =>
  command.addOption(new Option('-o, --output <format>', 'table or json').choices(['table', 'json']).default('table'));

export const withDryRun = (command: Command): Command =>
  command.option('--dry-run', 'say what would be done, and do nothing', false);

export interface OutputOption {
  readonly output: Format;
}

export const placesFor = (world: World, options: PlaceOptions): Places => placesOf(options, world.env);

/** A whole number of an option. */
export const wholeNumber =
  (low: number, high: number) =>
  (text: string): number => {
    const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw usage(`${JSON.stringify(text)} is not a whole number`, `give one from ${low} to ${high}`);
  };
