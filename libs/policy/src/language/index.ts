/** The language of policies: JSON to values, and which of them hold for a container. Pure. */
export { PolicyFault } from './fault.ts';
export * from './model.ts';
export { matches, NAME } from './patterns.ts';
export { readPolicies } from './read-policies.ts';
export { peerPatterns, select, type UnknownPick, type Verdicts, verdictsOf } from './select.ts';
