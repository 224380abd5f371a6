/**
 * Extensions of iptables, which iptables-nft hides inside of a rule: nft's JSON tells only their name. Where nft was built with the
 * extensions of iptables (Debian's is), it prints them translated in its text.
 */
import { recordOf, textOf } from './json.ts';
import { matches, type Context } from './match.ts';
import { every, not, type Answer } from './value.ts';

/** Targets after which the next rule has its turn. */
const PASSING = new Set([
  ...['LOG', 'NFLOG', 'MARK', 'CONNMARK', 'TCPMSS', 'CT', 'NOTRACK', 'CLASSIFY', 'DSCP', 'TOS', 'TTL', 'HL', 'SET'],
  ...['AUDIT', 'SECMARK', 'CONNSECMARK', 'TRACE', 'CHECKSUM', 'RATEEST', 'TEE', 'TCPOPTSTRIP', 'ACCOUNT', 'ECN'],
]);

/** A match answers whether the packet fits; a target what it does with the packet. */
export type Extension = { readonly answer: Answer } | { readonly target: 'drop' | 'next' | 'unclear' };

/** @param where the statement is: `text` is the rule as nft prints it. Old versions of nft do not say whether it is a match or a target. */
export function extensionOf(
  context: Context,
  body: unknown,
  { isLast, text }: { readonly isLast: boolean; readonly text: string | undefined },
): Extension {
  const { type, name } = recordOf(body);
  if (type === undefined && isLast) return { target: /\breject\b/.test(text ?? '') ? 'drop' : 'unclear' };
  if (type === 'target') {
    if (name === 'REJECT') return { target: 'drop' };
    return { target: PASSING.has(textOf(name)) ? 'next' : 'unclear' };
  }
  const answer = type === 'match' ? answerOf(context, textOf(name), text) : undefined;
  if (answer === undefined) context.note({ xt: body });
  return { answer: answer ?? 'maybe' };
}

function answerOf(context: Context, name: string, text: string | undefined): Answer | undefined {
  if (name === 'comment') return 'yes';
  if (name === 'icmp' || name === 'icmp6' || name === 'icmpv6') return 'no';
  if (text === undefined) return undefined;
  if (name === 'conntrack' || name === 'state') return connection(context, text);
  if (['tcp', 'udp', 'multiport'].includes(name)) return ports(context, text);
  return name === 'addrtype' ? addressType(context, text) : undefined;
}

const NOT = String.raw`(!=? )?`;

/** All words of one kind in the rule's text, as matches. Undefined when there is none. */
function all(text: string, pattern: RegExp, each: (found: RegExpMatchArray) => Answer): Answer | undefined {
  const answers = [...text.matchAll(pattern)].map(each);
  return answers.length === 0 ? undefined : every(answers);
}

function connection(context: Context, text: string): Answer | undefined {
  const known = all(text, new RegExp(`\\bct (state|status) ${NOT}([a-z,-]+)`, 'g'), ([, key, isNot, words = '']) => {
    const right = words.split(',');
    const answer = matches(context, { op: key === 'status' ? 'in' : '==', left: { ct: { key } }, right });
    return isNot === undefined ? answer : not(answer);
  });
  const count = text.match(/\bct /g)?.length ?? 0;
  // Addresses and directions of the connection are not read here.
  return count === text.match(/\bct (?:state|status) /g)?.length ? known : undefined;
}

function ports(context: Context, text: string): Answer | undefined {
  const pattern = new RegExp(`\\b(tcp|udp) (dport|sport) ${NOT}(?:\\{ ([^}]*) \\}|([\\d-]+))`, 'g');
  return all(text, pattern, ([, protocol, field, isNot, several, single = '']) => {
    const set = (several ?? single).split(',').map((port) => {
      const [low = 0, high] = port.trim().split('-').map(Number);
      return high === undefined ? low : { range: [low, high] };
    });
    const op = isNot === undefined ? '==' : '!=';
    return matches(context, { op, left: { payload: { protocol, field } }, right: { set } });
  });
}

const addressType = (context: Context, text: string): Answer | undefined =>
  all(text, new RegExp(`\\bfib (saddr|daddr) type ${NOT}([a-z]+)`, 'g'), ([, end, isNot, right]) =>
    matches(context, { op: isNot === undefined ? '==' : '!=', left: { fib: { result: 'type', flags: [end] } }, right }),
  );
