// Starts programs inside one sandbox and measures them: commands come as JSON lines on stdin, samples leave on stdout. One runner
// per sandbox, entered once, so that no measured program pays for `nsenter`. It is run by Bun, whose spawn hands out the rusage
// of wait4; Node has no way to it.
import { closeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { filledPipe } from './filled-pipe.ts';
import { watchPauses } from './pauses.ts';
import type { Command, Sample } from './sample.ts';

interface BunProcess {
  readonly exited: Promise<number>;
  readonly stdout: ReadableStream;
  readonly stderr: ReadableStream;
  resourceUsage(): { readonly cpuTime: { readonly total: bigint } } | undefined;
}
declare const Bun: {
  spawn(command: readonly string[], options: Record<string, unknown>): BunProcess;
};

const text = (stream: ReadableStream): Promise<string> => new Response(stream).text();

async function measure({ file, args = [], env = {}, input = '' }: Command): Promise<Sample> {
  const stdin = filledPipe(input);
  const pausedSince = watchPauses();
  const begin = performance.now();
  const child = Bun.spawn([file, ...args], {
    env,
    ...{ stdin: stdin ?? new Blob([input]), stdout: 'pipe', stderr: 'pipe' },
  });
  if (stdin !== undefined) closeSync(stdin);
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const exitCode = await child.exited;
  const wallMs = performance.now() - begin;
  const paused = pausedSince();
  const cpuMs = Number(child.resourceUsage()?.cpuTime.total ?? NaN) / 1000;
  const [stdout, stderr] = await output;
  return { wallMs, cpuMs, paused, exitCode, stdout, stderr };
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, command } = JSON.parse(line) as { id: number; command: Command };
  const failed = (error: unknown): Sample => ({
    wallMs: NaN,
    cpuMs: NaN,
    paused: false,
    exitCode: -1,
    stdout: '',
    stderr: `${error}`,
  });
  void measure(command)
    .catch(failed)
    .then((sample) => process.stdout.write(`${JSON.stringify({ id, sample })}\n`));
});
