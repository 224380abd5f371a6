import { join } from 'node:path';
import type { RunOptions, RunResult } from '@flatnet/exec';
import { BIN, REFERENCE_BIN, type Sandbox } from '@flatnet/testing';
import { expect } from 'vitest';

/** `flatnetctl` inside the sandbox, with network configurations of its own. */
export interface Operator {
  (...args: string[]): Promise<RunResult>;
  /** Demands exit code 0. Answers stdout. */
  must(...args: string[]): Promise<string>;
  /** Demands an exit code, an error on stderr and one next step after it. Answers the error. */
  refuses(exitCode: 1 | 2 | 3, ...args: string[]): Promise<string>;
}

/**
 * @param netDir folder of conflists.
 * @param cniPath where plugins are; default: ours, then the reference plugins.
 */
export function operatorOf(
  sandbox: Sandbox,
  netDir: string,
  cniPath: readonly string[] = [BIN, REFERENCE_BIN],
): Operator {
  const options: RunOptions = {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', NETCONFPATH: netDir, CNI_PATH: cniPath.join(':') },
    timeoutMs: 90_000,
  };
  const call = (...args: string[]): Promise<RunResult> => sandbox.run(join(BIN, 'flatnetctl'), args, options);
  return Object.assign(call, {
    async must(...args: string[]) {
      const result = await call(...args);
      expect(result, `flatnetctl ${args.join(' ')}: ${result.stderr}${result.stdout}`).toMatchObject({ exitCode: 0 });
      return result.stdout;
    },
    async refuses(exitCode: 1 | 2 | 3, ...args: string[]) {
      const result = await call(...args);
      const line = `flatnetctl ${args.map((arg) => JSON.stringify(arg)).join(' ')}: ${result.stderr}${result.stdout}`;
      expect(result, line).toMatchObject({ exitCode, ending: 'exit' });
      expect(result.stderr, line).toMatch(/(?:^|\n)[Ee]rror: [^\n]+/);
      expect(result.stderr.match(/^Next: {2}\S.*$/gm), line).toHaveLength(1);
      return result.stderr;
    },
  });
}
