/** The rules of an attachment as objects of a table: chains with their rules, and elements that jump to them. Pure. */
import { concat, type NftJson } from '@flatnet/kernel';
import { antiSpoofRules, clampRules, masqueradeRules, refersTo, type Rule } from './expressions.ts';
import {
  anchorMap,
  BRIDGE_BASE,
  chainOf,
  clampedMap,
  deviceMap,
  IN_USE,
  INET_BASE,
  PORTS,
  sourceMap,
} from './layout.ts';
import type { Base } from './layout.ts';
import { familyOf, hostEndOf, type AttachmentRules } from './model.ts';

export interface Chain {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** One element of a verdict map: `key : jump target`. */
export interface Element {
  readonly map: string;
  readonly key: NftJson;
  readonly target: string;
}

/** What an attachment has in one table. */
export interface Part {
  readonly base: Base;
  readonly chains: readonly Chain[];
  readonly elements: readonly Element[];
}

/**
 * The parts, one per table. The chain of the first one exists whatever is asked for: it is what the elements of every kind refer to, and
 * so what tells a DEL with another configuration that there is more than it knows of.
 */
export function partsOf(rules: AttachmentRules): readonly Part[] {
  const { owner, masquerade, clamped = [], antiSpoof } = rules;
  const key = hostEndOf(owner);
  const [main, clamp, port] = [chainOf(owner, 'main'), chainOf(owner, 'clamp'), chainOf(owner, 'port')];
  const inet: Part = {
    base: INET_BASE,
    chains: [
      { name: main, rules: [refersTo(IN_USE), ...(masquerade === undefined ? [] : masqueradeRules(masquerade))] },
      ...(clamped.length === 0 ? [] : [{ name: clamp, rules: [refersTo(IN_USE), ...clampRules] }]),
    ],
    elements: [
      ...(masquerade?.addresses ?? []).map((address) => ({
        ...{ map: sourceMap(owner.maker, familyOf(address)), key: address, target: main },
      })),
      ...clamped.map((address) => ({ map: clampedMap(familyOf(address)), key: address, target: clamp })),
      ...(clamped.length === 0 ? [] : [{ map: anchorMap('clamp'), key, target: main }]),
      ...(antiSpoof === undefined ? [] : [{ map: anchorMap('port'), key, target: main }]),
    ],
  };
  if (antiSpoof === undefined) return [inet];
  const bridge: Part = {
    base: BRIDGE_BASE,
    chains: [{ name: port, rules: [refersTo(IN_USE), ...antiSpoofRules(antiSpoof)] }],
    elements: [{ map: PORTS, key, target: port }],
  };
  return [inet, bridge];
}

/** The same element where another living attachment has the address: with the device in its key. */
export const withDevice = ({ map, key, target }: Element, device: string): Element | undefined =>
  typeof key === 'string' && map === sourceMap('flatnet', familyOf(key))
    ? { map: deviceMap(familyOf(key)), key: concat(device, key), target }
    : undefined;
