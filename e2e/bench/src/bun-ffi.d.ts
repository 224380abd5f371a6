/** What the runner needs of Bun's own module; the project's sources otherwise stay on Node's API. */
declare module 'bun:ffi' {
  interface Signature {
    readonly args: readonly string[];
    readonly returns: string;
  }
  export function dlopen<Name extends string>(
    library: string,
    symbols: Readonly<Record<Name, Signature>>,
  ): { readonly symbols: Readonly<Record<Name, (...values: unknown[]) => number>> };
}
