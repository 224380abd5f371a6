// A plugin for process.test.ts. What its ADD and DEL do is in the configuration; what they did is in the file LOG.
import { appendFileSync } from 'node:fs';
import { runSync, runConcurrently } from '@flatnet/exec';
import { definePlugin, Trace, type AddRequest, type PluginEntry } from '@flatnet/skel';
import { runCommand } from '../../src/run-command.ts';
import { isVersionCommand, answerVersionCommand } from '../../src/version-command.ts';

const note = (text: string): void => appendFileSync(process.env['LOG']!, `${text}\n`);
const forever = (): Promise<never> => new Promise(() => setInterval(() => {}, 1000));

const WORK: Record<string, (signal: AbortSignal) => unknown> = {
  nothing: () => {},
  'leave a rejection unhandled': () => {
    void Promise.reject(new Error('forgotten'));
    return forever();
  },
  'throw in a timer': () => {
    setTimeout(() => {
      throw new Error('forgotten');
    }, 1);
    return forever();
  },
  hang: () => forever(),
  'run programs': async () => {
    const line = ['-c', 'echo out; exit 3'];
    note(`blocking ${(await runSync('/bin/sh', line)).exitCode}`);
    note(`beside ${(await runConcurrently('/bin/sh', line)).exitCode}`);
  },
  'run a program that hangs': async () => {
    note((await runSync('/bin/sleep', ['60'])).ending);
    note((await runConcurrently('/bin/sleep', ['60'])).ending);
    return forever();
  },
};

const perform = async ({ config, signal }: Pick<AddRequest<string>, 'config' | 'signal'>): Promise<void> => {
  note('begun');
  await WORK[config]!(signal);
};

const entry: PluginEntry = {
  name: 'stand-in',
  about: 'a plugin for tests',
  load: async () =>
    definePlugin<string>({
      decodeConfig: (json) => String(json['work']),
      add: async (request, rollback) => {
        rollback.arm('all', async () => note('undone'));
        await perform(request);
        return { interfaces: [], ips: [], routes: [], dns: { domain: 'x'.repeat(Number(process.env['ANSWER'] ?? 0)) } };
      },
      del: perform,
      check: perform,
      gc: perform,
      status: perform,
    }),
};

const work = Number(process.env['WORK_MS'] ?? 20_000);
const limits = () => ({ begin: 0, work, end: work + 3_000 });
if (isVersionCommand()) void answerVersionCommand();
else void runCommand(entry, new Trace('stand-in'), limits);
