import { addressesOf, type Kept } from './attachment.ts';
import { find, HOST_ADDRESS, note, OUTSIDE, OUTSIDE_ADDRESS, type World } from './world.ts';

/** Prints the last line of the page at an address and a port. */
const FETCH = 'exec 3<>"/dev/tcp/$0/$1"; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; tail -n 1 <&3';

/** Asks a living container's network at this moment: its gateway, its published ports, the world outside. */
export async function sample(world: World, kept: Kept): Promise<void> {
  const { sandbox } = world;
  const { container, network } = kept;
  const label = `${container.id}/${network.name}`;
  const flushes = kept.flushes;
  const isBelieved = (): boolean => flushes === world.flushes;
  const pings = async (address: string, ...more: string[]): Promise<boolean> =>
    (await sandbox.inNetns(container.id, 'busybox', ['ping', '-c', '1', '-W', '3', ...more, address])).exitCode === 0;

  for (const address of addressesOf(kept.result)) {
    const gateway = address.includes(':') ? address.replace(/::.*/, '::1') : address.replace(/\d+$/, '1');
    if (!(await pings(gateway, '-I', address)))
      find(world, `${label} (${address}) does not reach its gateway ${gateway}`);
  }
  for (const { hostPort } of kept.ports) {
    const page = await sandbox.inNetns(OUTSIDE, 'timeout', ['10', 'bash', '-c', FETCH, HOST_ADDRESS, `${hostPort}`]);
    const who = page.stdout.trim();
    if (isBelieved() && who !== container.id) {
      find(world, `port ${hostPort} of ${label} answers "${who}" ${page.stderr.trim()}`);
    }
  }
  const isAlone = container.attachments.every((other) => other === kept || other.state === 'none');
  const [first = ''] = addressesOf(kept.result);
  const isMasqueraded = kept.list?.plugins[0]?.['ipMasq'] === true;
  if (isAlone && !first.includes(':')) {
    const reaches = await pings(OUTSIDE_ADDRESS, '-W', isMasqueraded ? '3' : '1');
    if (reaches !== isMasqueraded && isBelieved()) {
      find(world, `${label} with ipMasq ${isMasqueraded} ${reaches ? 'reaches' : 'does not reach'} the world outside`);
    }
  }
  note(world, `TRAFFIC ${label}`, 'done');
}
