/** The packets of one connection, of which everything is known. */
import { parseIp } from '@flatnet/addressing';
import { commonOf, flags, type Packet, type Transport, usualPacket } from './packet.ts';
import { number, word, type Value } from './value.ts';

export interface Question {
  /** Device that the first packet comes by; absent: the host sends it. */
  readonly from?: string;
  /** Device that it leaves by; absent: it is for the host. */
  readonly to?: string;
  readonly source: string;
  readonly destination: string;
  readonly protocol: Transport;
  readonly port: number;
  /** It was sent to a published port. */
  readonly isTranslated: boolean;
}

const CLIENT_PORT = 40_000;

/** The hook that a packet passes on its way through the host. */
const hookOf = ({ from, to }: Pick<Question, 'from' | 'to'>): Packet['hook'] => {
  if (from === undefined) return 'output';
  return to === undefined ? 'input' : 'forward';
};

/** The one that opens it. */
export function packetOf(question: Question): Packet {
  const { protocol, port, isTranslated, destination } = question;
  return onePacket(`${protocol} ${port} to ${destination}`, question, [CLIENT_PORT, port], {
    ...{ 'ct state': word('new'), 'ct direction': word('original'), 'tcp flags': flags(['syn']) },
    'ct status': flags(isTranslated ? ['dnat'] : []),
  });
}

/** The answer to it. */
export function answerTo({ from, to, source, destination, ...question }: Question): Packet {
  const back = {
    ...question,
    ...{ source: destination, destination: source },
    ...(to === undefined ? {} : { from: to }),
    ...(from === undefined ? {} : { to: from }),
  };
  return onePacket(`the answer of ${destination}`, back, [question.port, CLIENT_PORT], {
    ...{ 'ct state': word('established'), 'ct direction': word('reply'), 'tcp flags': flags(['syn', 'ack']) },
    'ct status': flags(['seen-reply', 'confirmed', ...(question.isTranslated ? ['dnat'] : [])]),
  });
}

function onePacket(
  name: string,
  packet: Question,
  [sport, dport]: readonly [number, number],
  connection: Readonly<Record<string, Value>>,
): Packet {
  const { from, to, source, destination, protocol } = packet;
  const { family, value } = parseIp(destination);
  const ip = family === 4 ? 'ip' : 'ip6';
  const fields: Record<string, Value> = {
    ...commonOf(family, protocol),
    // The kernel takes an absent device for one without a name.
    ...{ 'meta iifname': word(from ?? ''), 'meta oifname': word(to ?? '') },
    ...{ [`${ip} saddr`]: number(parseIp(source).value), [`${ip} daddr`]: number(value) },
    ...{ [`${protocol} sport`]: number(BigInt(sport)), [`${protocol} dport`]: number(BigInt(dport)) },
    ...connection,
    'fib daddr type': word(to === undefined ? 'local' : 'unicast'),
  };
  return usualPacket({
    ...{ name, family, hook: hookOf(packet), isUsual: true },
    fields: new Map(Object.entries(fields)),
  });
}
