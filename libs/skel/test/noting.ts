import { definePlugin, dispatch, Trace, type Plugin, type PluginEntry } from '../src/index.ts';
import type { AddResult } from '@flatnet/cni';

export const OWN_NETNS = '/proc/self/ns/net';
export const RESULT: AddResult = { interfaces: [], ips: [{ address: '10.0.0.2/24' }], routes: [], dns: {} };

/** A plugin that notes the requests it gets. CNI_NETNS_OVERRIDE lets its tests use the one namespace every host has. */
export function noting(overrides: Partial<Plugin<unknown>> = {}, entersNetns = false) {
  const seen: unknown[] = [];
  const note = async (request: unknown): Promise<void> => void seen.push(request);
  const plugin: Plugin<unknown> = {
    decodeConfig: (json) => json,
    add: async (request) => {
      await note(request);
      return RESULT;
    },
    del: note,
    check: note,
    gc: note,
    status: note,
    ...overrides,
  };
  let loads = 0;
  const entry: PluginEntry = {
    name: 'noting',
    about: 'a plugin for tests',
    entersNetns,
    load: async () => {
      loads++;
      return definePlugin(plugin);
    },
  };
  return { entry, seen, loads: () => loads };
}

export const ENV = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: OWN_NETNS,
  CNI_NETNS_OVERRIDE: '1',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin:relative',
};
export const CONF = { cniVersion: '1.1.0', name: 'net', type: 'noting' };

export async function call(env: Record<string, string | undefined>, conf: unknown = CONF, plugin = noting()) {
  const stdin = Buffer.from(typeof conf === 'string' ? conf : JSON.stringify(conf));
  const outcome = await dispatch(plugin.entry, { env: { ...ENV, ...env }, stdin }, new Trace('noting'));
  const json = outcome.stdout === '' ? undefined : JSON.parse(outcome.stdout);
  return { exitCode: outcome.exitCode, json, seen: plugin.seen as Record<string, unknown>[], plugin };
}
