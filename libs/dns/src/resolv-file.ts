/** Which file names the resolvers that the host itself asks. */
import { readIfThere } from '@flatnet/kernel/state';

const HOST = '/etc/resolv.conf';
/** The resolvers behind the stub of systemd-resolved. */
const BEHIND_STUB = '/run/systemd/resolve/resolv.conf';
const STUBS = new Set(['127.0.0.53', '127.0.0.54']);

/** The stub asks no network of flatnet, but it is one more program in the way, and gone while it restarts. */
export function resolvFile(read: (path: string) => string | undefined = readIfThere): string {
  const servers = [...(read(HOST) ?? '').matchAll(/^nameserver[ \t]+(\S+)/gm)].map(([, address]) => address ?? '');
  const isStub = servers.length > 0 && servers.every((address) => STUBS.has(address));
  return isStub && read(BEHIND_STUB) !== undefined ? BEHIND_STUB : HOST;
}
