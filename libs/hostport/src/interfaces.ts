/** The interfaces whose containers 127.0.0.1 leads to: `route_localnet` is set there, and the guard of 127.0.0.0/8 watches them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type ApplyOptions, applyNft, elementsOf, listNft, type Nft } from '@flatnet/kernel';
import { safeRead } from '@flatnet/kernel/state';
import { LOCALNET, TABLE } from './layout.ts';
import type { Plan } from './model.ts';
import type { Records } from './records.ts';
import { isKind } from './release.ts';
import { guardInterface, unguard } from './ruleset.ts';

/** Stays beside the attachments that use the interface until the guard goes; version 0.1.0 noted nothing else. */
const GUARDED = 'guarded';
const BY_ANOTHER = 'by-another';

const settingOf = (name: string): string => `/proc/sys/net/ipv4/conf/${name}/route_localnet`;
const readSetting = (name: string): string | undefined => safeRead(() => readFileSync(settingOf(name), 'utf8').trim());

/** Notes that the plan's interface is about to be guarded, and whether another has set it before. @throws ToolError. */
export const noteInterface = async (
  nft: Nft,
  records: Records,
  { owner, localInterface }: Plan,
  options: ApplyOptions,
): Promise<void> => {
  if (localInterface === undefined) return;
  if (!records.hints.localnet.has(localInterface) && readSetting(localInterface) === '1') {
    const guarded = elementsOf((await listNft(nft, { ...TABLE, map: LOCALNET }, options)) ?? [], LOCALNET);
    if (!guarded.includes(localInterface)) records.hints.setBefore.add(localInterface, BY_ANOTHER);
  }
  // The attachment first: a DEL that releases the interface meanwhile looks for it last.
  for (const user of [owner.hash, GUARDED]) records.hints.localnet.add(localInterface, user);
};

/** After ports went: interfaces without a published port are as they were, and out of the guard. */
export const forgetInterfaces = async (nft: Nft, records: Records, options: ApplyOptions): Promise<void> => {
  for (const name of records.hints.localnet.things()) {
    if (readSetting(name) === undefined || !isUsed(records, name)) await releaseInterface(nft, records, name, options);
  }
};

/** Of attachments that version 0.1.0 made, the records alone tell. */
const isUsed = (records: Records, name: string): boolean =>
  records.hints.localnet.of(name).some((user) => user !== GUARDED) ||
  records.all().some(({ localInterface }) => localInterface === name);

/** Takes the setting back, unless another made it, and then the guard. */
export async function releaseInterface(nft: Nft, records: Records, name: string, options: ApplyOptions): Promise<void> {
  if (!records.hints.setBefore.has(name)) write(name, '0');
  try {
    await applyNft(nft, unguard([name]), options);
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error;
  }
  records.hints.localnet.drop(name, GUARDED);
  if (readSetting(name) === undefined) {
    for (const user of records.hints.localnet.of(name)) records.hints.localnet.drop(name, user);
  } else if (isUsed(records, name)) {
    // An ADD that came meanwhile has found the setting on, and may have been guarded before.
    records.hints.localnet.add(name, GUARDED);
    await applyNft(nft, guardInterface({ localInterface: name }), options);
    return write(name, '1');
  }
  records.hints.setBefore.drop(name, BY_ANOTHER);
}

function write(name: string, value: string): void {
  const now = readSetting(name);
  if (now !== undefined && now !== value) safeRead(() => writeFileSync(settingOf(name), value));
}
