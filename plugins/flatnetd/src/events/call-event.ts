import type { Event } from './bus.ts';
import type { LogLine } from '@flatnet/skel/log-line';

type Told = Omit<Event, 'id' | 'time'>;

/** What one call of a plugin means for the host; undefined for a call that changed nothing. Pure. */
export function eventOf(call: LogLine): Told | undefined {
  const { plugin, verb, network, containerId, ifName, outcome, msg = '', details = '' } = call;
  const where = {
    ...(network === undefined ? {} : { network }),
    ...(containerId === undefined ? {} : { containerId }),
    ...(ifName === undefined ? {} : { ifName }),
  };
  if (outcome !== 'ok') {
    const words = details === '' ? msg : `${msg}: ${details}`;
    return { kind: 'refused', ...where, message: `${plugin} refused ${verb ?? 'a call'}: ${words}` };
  }
  const kind = KINDS[`${plugin} ${verb}`];
  return kind === undefined ? undefined : { kind, ...where, message: `${plugin} did ${verb}` };
}

const KINDS: Readonly<Record<string, Event['kind']>> = {
  'flatnet ADD': 'attached',
  'flatnet DEL': 'detached',
  'flatnet-ipam ADD': 'lease',
  'flatnet-portmap ADD': 'port',
};
