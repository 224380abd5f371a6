import type { AddResult, Dns, IpConfig, Route } from './result.ts';

type Maybe<T> = { readonly [K in keyof T]: T[K] | undefined };
export type RawRoute = Maybe<Route>;

/** A decoded result before absent and empty fields are told apart from given ones. */
export interface RawResult {
  readonly interfaces?: readonly Maybe<AddResult['interfaces'][number]>[] | undefined;
  readonly ips?: readonly Maybe<IpConfig>[] | undefined;
  readonly routes?: readonly RawRoute[] | undefined;
  readonly dns?: Maybe<Dns> | undefined;
}

export const resultOf = ({ interfaces = [], ips = [], routes = [], dns = {} }: RawResult): AddResult => ({
  interfaces: interfaces.map((entry) => given(entry) as AddResult['interfaces'][number]),
  ips: ips.map((entry) => given(entry) as IpConfig),
  routes: routes.map((entry) => given(entry) as Route),
  dns: given(dns) as Dns,
});

/** Go writes an empty string for "not given", and an optional key may be undefined: both are absent in our types. */
const given = <T extends object>(value: T): object =>
  Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined && entry !== ''));
