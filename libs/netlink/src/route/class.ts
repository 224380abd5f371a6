/** Classes of the discipline `htb` (tc-htb(8)). */
import { type Message, NLM_F_CREATE } from '../message.ts';
import { attribute, attributeText, LITTLE_ENDIAN, nested } from '../writer.ts';
import { RTM_NEWTCLASS } from './constants.ts';
import { TCA_KIND, TCA_OPTIONS, tcHeader, tcMessage, type TcPlace } from './tc-header.ts';
import { ticksOf, writeRate } from './token-bucket.ts';

/** A class and its rate, which is also its ceiling. */
export interface ClassSpec extends Required<Pick<TcPlace, 'index' | 'handle' | 'parent'>> {
  /** Bytes in a second, at most 2^32-1. */
  readonly rate: number;
  /** Bytes that may leave at once. */
  readonly burst: number;
  /** Bytes that it may send before it is another class's turn. */
  readonly quantum: number;
}

/** linux/pkt_sched.h: `struct tc_htb_opt` has rate, ceiling, both bursts as times, quantum, level, priority. */
const TCA_HTB_PARMS = 1;
const PARMS_SIZE = 44;

/** Makes or changes a class. ENOENT: its parent is not there. */
export const replaceClass = ({ rate, burst, quantum, ...place }: ClassSpec): Message =>
  tcMessage('RTM_NEWTCLASS', RTM_NEWTCLASS, NLM_F_CREATE, (writer) => {
    tcHeader(writer, place);
    attributeText(writer, TCA_KIND, 'htb');
    nested(writer, TCA_OPTIONS, () => {
      const view = new DataView(new ArrayBuffer(PARMS_SIZE));
      writeRate(view, 0, rate);
      writeRate(view, 12, rate);
      view.setUint32(24, ticksOf(burst, rate), LITTLE_ENDIAN);
      view.setUint32(28, ticksOf(burst, rate), LITTLE_ENDIAN);
      view.setUint32(32, quantum, LITTLE_ENDIAN);
      attribute(writer, TCA_HTB_PARMS, new Uint8Array(view.buffer));
    });
  });
