/** flatnetd: the parts, put together. It keeps nothing that the kernel and the files do not hold. */
import { execaRunApart } from '@flatnet/exec/execa';
import { deadServers } from '@flatnet/dns';
import { pluginDirectories } from '@flatnet/driver/runtime-config';
import { LogFollower } from '@flatnet/skel/follow-log';
import { readLogLine } from '@flatnet/skel/log-line';
import { openSys } from '@flatnet/sys/open';
import { EventBus } from './events/bus.ts';
import { eventOf } from './events/call-event.ts';
import { measure } from './metrics/measure.ts';
import { Metrics } from './metrics/metrics.ts';
import { notifySystemd } from './notify.ts';
import type { Options } from './options.ts';
import { operatorWith } from './programs/operator.ts';
import { Recovery } from './recovery/recovery.ts';
import { Watch } from './recovery/watch.ts';
import { Admission } from './server/admission.ts';
import { attachmentRoutes } from './server/routes/attachments.ts';
import { cniHandler } from './server/routes/cni.ts';
import { eventRoutes } from './server/routes/events.ts';
import { healthRoutes } from './server/routes/health.ts';
import { listRoutes } from './server/routes/lists.ts';
import { metricsRoute } from './server/routes/metrics.ts';
import { openapiRoute } from './server/routes/openapi.ts';
import type { Route } from './server/router.ts';
import { listen } from './server/server.ts';
import { every } from './timer.ts';

export interface Daemon {
  /** Accepts nothing new, and waits for what is under way. */
  stop(): Promise<void>;
}

const TICK_MS = 250;
const LOG_TICKS = 4;
const NAMES_TICKS = 8;
/** A service manager kills what takes longer. */
const STOP_MS = 30_000;
const VERSION = '0.1.0';

/** @param log writes a line for the service's log. @throws Error: what keeps it from starting. */
export async function startDaemon(options: Options, log: (line: string) => void): Promise<Daemon> {
  const sys = openSys();
  const clock = (): number => performance.now();
  const operator = operatorWith(execaRunApart, options, process.env);
  const bus = new EventBus();
  const metrics = new Metrics(VERSION);
  const admission = new Admission();
  const watch = new Watch(sys);
  const recovery = new Recovery({
    ...{ operator, bus, clock, observe: options.observe },
    count: (kind, outcome) => metrics.repair(kind, outcome),
    took: (seconds) => metrics.comparison(seconds),
    compared: () => watch.look(),
  });
  bus.subscribe(({ kind, message }) => {
    if (['lost', 'healed', 'failed', 'waiting'].includes(kind)) log(`${kind}: ${message}`);
  });
  const stopping = new AbortController();
  const plugins = new LogFollower(options.logFile);
  const routes: Route[] = [
    {
      method: 'POST',
      path: '/cni',
      handle: cniHandler({ run: execaRunApart, cniPath: cniPathOf(options), admission }),
    },
    ...attachmentRoutes(operator, admission),
    ...listRoutes(operator),
    ...eventRoutes(bus, stopping.signal),
    ...healthRoutes(() => recovery.isReady),
    metricsRoute(metrics, () => measure(operator, sys), clock),
  ];
  const listener = await listen([...routes, openapiRoute(routes)], options);
  const timers = [
    // One timer for all looks: each time that an idle process wakes costs more than what it does then.
    every(TICK_MS, (tick) => {
      const losses = watch.poll();
      if (losses.length > 0) recovery.ask(losses);
      if (tick % LOG_TICKS === 0) readLog(plugins, metrics, bus);
      const dead = tick % NAMES_TICKS === 0 ? deadServers() : [];
      if (dead.length > 0) recovery.ask(dead.map((name) => `the name server of ${name} ended`));
    }),
    every(options.interval * 1000, () => recovery.ask([])),
  ];
  recovery.ask([]);
  notifySystemd(sys, 'READY=1');
  log(`listening on ${options.socket}${options.observe ? ', repairs nothing' : ''}`);
  return {
    async stop() {
      notifySystemd(sys, 'STOPPING=1');
      timers.forEach((end) => end());
      stopping.abort();
      await Promise.all([listener.close(STOP_MS), recovery.stop()]);
      watch.close();
    },
  };
}

function cniPathOf({ cniPath }: Options): readonly string[] {
  const given = cniPath ?? process.env['CNI_PATH'];
  return given ? given.split(':').filter(Boolean) : pluginDirectories(process.env);
}

function readLog(plugins: LogFollower, metrics: Metrics, bus: EventBus): void {
  for (const call of plugins.poll().flatMap((line) => readLogLine(line) ?? [])) {
    metrics.call(call);
    const event = eventOf(call);
    if (event !== undefined) bus.publish(event);
  }
}
