/** The language of a configuration: JSON to values, and which policies hold for a container. Pure. */
export { PolicyFault, shown } from './fault.ts';
export * from './model.ts';
export { readPolicies } from './read-policies.ts';
export { type UnknownPick, type Verdicts, verdictsOf } from './select.ts';
export * from './settings.ts';
export { NAME } from './patterns.ts';
export { listAt, objectAt, portAt, textAt, wordAt } from './reader.ts';
