/** What is wrong with the names of an attachment, in words. Changes nothing. */
import { unanswered } from './answer.ts';
import { DNS_PORT } from './conf.ts';
import type { Entry, Zone } from './model.ts';
import { ledTo } from './redirect.ts';
import { servedAt } from './serve.ts';
import type { World } from './world.ts';

/** @returns nothing where the server answers with what the attachment asked for. @throws ToolError of nft. */
export async function differences(world: World, zone: Zone, wanted: Entry): Promise<readonly string[]> {
  const { folder, kernel } = world;
  const entry = folder.readEntry(wanted.owner);
  if (entry === undefined) return ['its names are not written down'];
  const found: string[] = [];
  for (const part of ['names', 'addresses'] as const) {
    const [has, wants] = [entry[part], wanted[part]];
    if (has.join(' ') !== wants.join(' ')) found.push(`${part} are ${has.join(' ')} instead of ${wants.join(' ')}`);
  }
  const port = servedAt(world, zone);
  if (port === undefined) return [...found, `no dnsmasq serves bridge ${zone.bridge} as its network is configured`];
  if (port !== DNS_PORT) {
    const led = await ledTo(kernel, zone.bridge);
    const lost = zone.addresses.filter((address) => led.get(address) !== port);
    if (lost.length > 0) found.push(`no rule leads questions to ${lost.join(' and ')} to port ${port}`);
  }
  const missing = unanswered(world, zone, port, entry);
  if (missing === 'mute') found.push(`dnsmasq on bridge ${zone.bridge} does not answer`);
  else if (missing.length > 0) found.push(`dnsmasq does not answer with ${missing.join(' and ')}`);
  return found;
}
