import { usage } from '../../failure.ts';

export type Transport = 'tcp' | 'udp' | 'sctp';

export interface AskedPort {
  readonly protocol: Transport;
  readonly port: number;
}

/** `80`, `53/udp`. @throws OperatorError (usage). */
export function parsePort(text: string): AskedPort {
  const [, digits = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  const port = Number(digits);
  if (digits !== '' && port >= 1 && port <= 65_535) return { protocol: protocol.toLowerCase() as Transport, port };
  throw usage(`${JSON.stringify(text)} is no port`, 'give one like 80 or 53/udp');
}
