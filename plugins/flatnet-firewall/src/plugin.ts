import { definePlugin, type Plugin } from '@flatnet/skel';
import { decodeConfig, type FirewallConfig } from './config.ts';
import { type Deps, realDeps } from './deps.ts';

/** The plugin over `deps`. Each verb loads only its own module's work. */
export const pluginWith = (deps: Deps): Plugin<FirewallConfig> => ({
  decodeConfig,
  loadSchema: () => import('./schema.ts'),
  add: async (request, rollback) => (await import('./add.ts')).add(deps, request, rollback),
  del: async (request) => (await import('./del.ts')).del(deps, request),
  check: async (request) => (await import('./check.ts')).check(deps, request),
  gc: async (request) => (await import('./gc.ts')).gc(deps, request),
  status: async (request) => (await import('./status.ts')).status(deps, request),
});

export const plugin = definePlugin(pluginWith(realDeps));
