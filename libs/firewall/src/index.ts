export { describePlace, judge, type Firewalls, type Judgement, type Place, type Verdict } from './judge.ts';
export type { Network, Uplinks } from './packet.ts';
export { remedyFor, type Remedy } from './remedy.ts';
export { tablesOf, type Table } from './ruleset.ts';
