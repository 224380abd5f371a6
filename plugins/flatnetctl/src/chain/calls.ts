/** CNI calls that are under way now, as /proc tells them: a container that is being started has neither namespace nor link yet. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Attachment } from '@flatnet/cni';

/** Whether a plugin works for the attachment at this moment. Processes that may not be looked at are passed over. */
export const isBeingCalled = ({ containerId, ifName }: Attachment, proc = '/proc'): boolean =>
  readdirSync(proc)
    .filter((name) => /^[1-9][0-9]*$/.test(name))
    .some((pid) => {
      const variables = environmentOf(`${proc}/${pid}/environ`);
      return (
        variables.includes(`CNI_CONTAINERID=${containerId}`) &&
        variables.includes(`CNI_IFNAME=${ifName}`) &&
        variables.some((text) => text.startsWith('CNI_COMMAND='))
      );
    });

function environmentOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\0');
  } catch {
    return [];
  }
}
