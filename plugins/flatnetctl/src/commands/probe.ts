import { type Command, Option } from 'commander';
import { Exit, OperatorError } from '../failure.ts';
import { parsePort } from '../policy/explain/port.ts';
import { askProbe, serveProbe } from '../selftest/probe.ts';
import { type Asked, listenAt, verdictOf } from '../selftest/verdict.ts';
import type { World } from '../world.ts';
import { collect, wholeNumber } from './options.ts';

/** Not for people: what tests run inside of their namespaces. */
export function addProbe(program: Command, world: World): void {
  const probe = program.command('probe', { hidden: true }).description('what tests run in their namespaces');
  const port = wholeNumber(1, 65_535);
  probe
    .command('serve')
    .requiredOption('--port <port>', '', port)
    .requiredOption('--token <text>')
    .action((options: { port: number; token: string }) => serveProbe(options.port, options.token));
  probe
    .command('ask')
    .requiredOption('--host <address>')
    .requiredOption('--port <port>', '', port)
    .requiredOption('--timeout <ms>', '', wholeNumber(1, 60_000))
    .action(async (options: { host: string; port: number; timeout: number }) => {
      const answer = await askProbe(options.host, options.port, options.timeout);
      if (answer === undefined) throw new OperatorError(Exit.problem, '', '');
      world.out(`${JSON.stringify(answer)}\n`);
    });
  probe
    .command('listen <ports...>')
    .requiredOption('--ready <file>')
    .option('--address <address>', '', collect, [])
    .action((ports: readonly string[], { ready, address }: { ready: string; address: readonly string[] }) =>
      listenAt(
        ports.map((text) => {
          const { port: number, protocol } = parsePort(text);
          return [number, protocol === 'udp' ? 'udp' : 'tcp'] as const;
        }),
        address,
        ready,
      ),
    );
  probe
    .command('verdict')
    .requiredOption('--host <address>')
    .requiredOption('--port <port>', '', port)
    .addOption(new Option('--protocol <name>').choices(['tcp', 'udp']).default('tcp'))
    .option('--source <address>')
    .requiredOption('--timeout <ms>', '', wholeNumber(1, 60_000))
    .action(async (asked: Asked) => world.out(`${await verdictOf(asked)}\n`));
}
