import type { DriverCall } from './call.ts';
import type { ChainContext } from './chain.ts';
import type { Deps } from './deps.ts';

/** What a trace, and hosts with tools elsewhere, say to plugins. Nothing else of the caller's environment is for them. */
const PASSED_ON = ['TRACEPARENT', 'FLATNET_TOOL_PATH'] as const;

export const contextOf = (deps: Deps, { env, end }: Pick<DriverCall, 'env' | 'end'>): ChainContext => ({
  call: deps.call,
  executables: deps.executables(),
  env: Object.fromEntries(PASSED_ON.map((name) => [name, env[name]])),
  end,
});
