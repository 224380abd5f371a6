/** One thing that is true of a host. */
export interface Fact {
  readonly kind:
    | 'link'
    | 'address'
    | 'route'
    | 'rule'
    | 'neighbour'
    | 'vlan'
    | 'fdb'
    | 'sysctl'
    | 'nft'
    | 'file'
    | 'netns'
    | 'process';
  /** What it says, without what changes by itself (counters, handles, lifetimes). */
  readonly text: string;
  /** The link that it belongs to, if any: it goes with the link. */
  readonly dev?: string;
  /** The name of a setting, in sysctl's spelling with `/` as the separator; the path of a file. */
  readonly name?: string;
  /** The kind of a link, as `ip` prints it: bridge, veth, vlan. */
  readonly linkKind?: string;
}

/** A host's whole state, by the facts' own words. */
export type Inventory = ReadonlyMap<string, Fact>;

/** The facts under keys that no two of different meaning share. */
export const inventoryOf = (facts: readonly Fact[]): Inventory =>
  new Map(facts.map((fact) => [`${fact.kind} ${fact.text}`, fact]));
