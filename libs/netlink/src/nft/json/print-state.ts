/** What is known while expressions are turned into statements. */
import type { Register } from '../expression.ts';
import type { L3, Source } from './field.ts';
import type { Json } from './json.ts';

/** The elements of an anonymous set of the table, by the kernel's name of it. */
export type SetPrinter = (name: string) => readonly Json[] | undefined;

/** What a register holds. */
export type Held =
  | { readonly source: Source; readonly length: number; readonly masked?: Uint8Array }
  | { readonly constant: Uint8Array }
  | { readonly mapped: Json }
  | { readonly rt: string };

/** A comparison that nft writes down only where no field of the protocol follows. */
export interface Implied {
  readonly layer: 3 | 4;
  readonly protocol: L3 | number;
  readonly at: number;
}

export interface State {
  readonly statements: Json[];
  readonly held: Map<Register, Held>;
  /** Registers of a key, in the order in which they were loaded. */
  keys: Register[];
  implied: Implied[];
  l3: L3 | undefined;
  l4: number | undefined;
}

/** A statement ends what was loaded for it. */
export function say(state: State, statement: Json): true {
  state.statements.push(statement);
  state.keys = [];
  return true;
}

export function hold(state: State, to: Register, held: Held): true {
  state.held.set(to, held);
  state.keys.push(to);
  return true;
}
