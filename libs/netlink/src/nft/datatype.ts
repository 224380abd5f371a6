/**
 * Types of keys and data by the names of nft(8). The kernel knows only lengths; the number is for nft, which prints elements by it
 * (enum datatypes of nftables' datatype.h).
 */
export interface Datatype {
  readonly number: number;
  /** In bytes. */
  readonly size: number;
  /** How nft reads the bytes: 1 the machine's order, 2 network order (enum byteorder of nftables). */
  readonly order: 1 | 2;
}

const TYPES = {
  ipv4_addr: { number: 7, size: 4, order: 2 },
  ipv6_addr: { number: 8, size: 16, order: 2 },
  ether_addr: { number: 9, size: 6, order: 2 },
  ether_type: { number: 10, size: 2, order: 2 },
  inet_proto: { number: 12, size: 1, order: 2 },
  inet_service: { number: 13, size: 2, order: 2 },
  icmp_type: { number: 14, size: 1, order: 2 },
  mark: { number: 19, size: 4, order: 1 },
  iface_index: { number: 20, size: 4, order: 1 },
  icmpv6_type: { number: 29, size: 1, order: 2 },
  ifname: { number: 41, size: 16, order: 1 },
} as const satisfies Readonly<Record<string, Datatype>>;

export type TypeName = keyof typeof TYPES;

/** The type of a key or of data: one, or the fields of a concatenation. */
export type TypeNames = TypeName | readonly TypeName[];

/** enum nft_data_types of nf_tables.h: NFT_DATA_VERDICT. */
export const VERDICT_TYPE = 0xffffff00;

const BITS_PER_FIELD = 6;

export const fieldsOf = (names: TypeNames): readonly Datatype[] =>
  (typeof names === 'string' ? [names] : names).map((name) => TYPES[name]);

/** The number, length and order of a type; a concatenation has six bits of the number for each field, and no order. */
export function describe(names: TypeNames): { readonly number: number; readonly size: number; readonly order: number } {
  const fields = fieldsOf(names);
  const [only] = fields;
  if (fields.length === 1 && only !== undefined) return only;
  return {
    number: fields.reduce((number, field) => (number << BITS_PER_FIELD) | field.number, 0),
    size: fields.reduce((size, field) => size + ((field.size + 3) & ~3), 0),
    order: 0,
  };
}

/** The names of a number; undefined where one of them is not in the table. */
export function namesOf(number: number): TypeNames | undefined {
  const numbers: number[] = [];
  for (let rest = number; rest > 0; rest >>>= BITS_PER_FIELD) numbers.unshift(rest & ((1 << BITS_PER_FIELD) - 1));
  const names = numbers.map((each) => (Object.keys(TYPES) as TypeName[]).find((name) => TYPES[name].number === each));
  if (names.length === 0 || names.includes(undefined)) return undefined;
  return names.length === 1 ? names[0] : (names as TypeName[]);
}
