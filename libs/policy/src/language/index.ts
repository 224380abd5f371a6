/** The language of a configuration: JSON to values, and which policies hold for a container. Pure. */
export { PolicyFault } from './fault.ts';
export * from './model.ts';
export { readPolicies } from './read-policies.ts';
export { type UnknownPick, type Verdicts, verdictsOf } from './select.ts';
export * from './settings.ts';
