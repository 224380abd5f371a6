import { parseIp } from '@flatnet/addressing';
import { isBeingCalled } from '../chain/calls.ts';
import { underOperatorLock } from '../chain/operator-lock.ts';
import { readable } from '../conflist/subnets.ts';
import { problem, usage } from '../failure.ts';
import { renderJson } from '../output.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { describeTrace } from './findings.ts';
import { freeTrace, type Freed } from './free.ts';
import { recordsOf, survey, type Trace } from './survey.ts';

export interface ReleaseWish {
  readonly ip?: string;
  readonly id?: string;
  readonly ifname?: string;
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly output: 'table' | 'json';
}

type Print = (world: World, outcome: Freed) => void;

/** `ipam release NETWORK --ip|--id`: frees what is asked for, unless it lives. @throws OperatorError */
export async function releaseOne(
  world: World,
  places: Places,
  network: string | undefined,
  wish: ReleaseWish,
  print: Print,
): Promise<void> {
  if (network === undefined)
    throw usage('which network?', 'flatnetctl ipam release NETWORK --ip ADDRESS, or --from-report FILE');
  const isWanted = choiceOf(wish);
  const outcomes = await underOperatorLock(places.cacheDir, async () => {
    const now = await survey(world, places, [network], { insideToo: false });
    const wanted = now.traces.filter(isWanted);
    if (wanted.length === 0)
      throw problem(`nothing on ${network} is of ${wish.ip ?? wish.id}`, `flatnetctl ipam show ${network}`);
    wanted.forEach((trace) => refuseIfAlive(trace, wish.force));
    const records = recordsOf(now.subjects);
    const done: Freed[] = [];
    for (const trace of wanted) {
      const subject = now.subjects[0];
      if (!wish.dryRun && subject !== undefined) await freeTrace(world, places, subject, trace, records);
      done.push({ finding: describeTrace(trace), outcome: wish.dryRun ? 'would free' : 'freed', reason: '' });
    }
    return done;
  });
  if (wish.output === 'json') return world.out(renderJson(outcomes));
  outcomes.forEach((outcome) => print(world, outcome));
}

function choiceOf({ ip, id, ifname }: ReleaseWish): (trace: Trace) => boolean {
  if ((ip === undefined) === (id === undefined)) throw usage('which attachment?', 'give --ip or --id');
  const address = ip === undefined ? undefined : readable(() => parseIp(ip));
  if (ip !== undefined && address === undefined) {
    throw usage(`${JSON.stringify(ip)} is not an IP address`, 'give one like 10.87.0.2');
  }
  return ({ attachment, lease }) =>
    (ifname === undefined || attachment.ifName === ifname) &&
    (address === undefined
      ? attachment.containerId === id
      : (lease?.ips ?? []).some((leased) => leased.equals(address)));
}

function refuseIfAlive({ life, attachment, network }: Trace, force: boolean): void {
  const { containerId, ifName } = attachment;
  if (life === 'alive' || isBeingCalled(attachment)) {
    throw problem(
      `container ${containerId} lives`,
      `flatnetctl detach ${network} --id ${containerId} --ifname ${ifName || 'eth0'}`,
    );
  }
  if (life === 'unknown' && !force) {
    throw problem(`nothing tells whether container ${containerId} lives`, 'make sure that it does not, then --force');
  }
}
