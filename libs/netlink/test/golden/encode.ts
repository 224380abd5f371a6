import { encode, HEADER, type Message } from '../../src/message.ts';
import { createWriter, written } from '../../src/writer.ts';

/** A recorded message: what a tool sent for a command. */
export interface Recorded {
  readonly command: string;
  readonly type: number;
  readonly flags: number;
  /** In hexadecimal, without the header. */
  readonly body: string;
}

const NLM_F_ACK = 4;

/** The body of a message in hexadecimal, its flags without NLM_F_ACK, and its type. */
export function encoded(message: Message): Omit<Recorded, 'command'> {
  const writer = createWriter(16);
  encode(writer, message, 7);
  const bytes = written(writer);
  const view = new DataView(bytes.buffer, 0, bytes.length);
  const length = view.getUint32(0, true);
  return {
    type: view.getUint16(4, true),
    flags: view.getUint16(6, true),
    body: Buffer.from(bytes.subarray(HEADER, length)).toString('hex'),
  };
}

/** The same of a recorded one; of nf_tables the type is without the subsystem. */
export const recorded = ({ type, flags, body }: Recorded, subsystem = 0): Omit<Recorded, 'command'> => ({
  type: (subsystem << 8) | type,
  flags: flags & ~NLM_F_ACK,
  body,
});
