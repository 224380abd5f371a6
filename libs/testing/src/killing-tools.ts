import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const TOOLS = ['ip', 'nft', 'nsenter', 'sysctl', 'conntrack'];

/**
 * Variables under which a plugin finds stand-ins of its tools: the real ones, but the k-th program that the plugin starts kills it with
 * SIGKILL, before or after its own work. That work is done in both cases, as that of a real tool would be.
 *
 * @param folder where the stand-ins may be written, on a disk that the plugin sees.
 * @param k 1 is the first program; with more than the plugin starts, it is not killed.
 */
export function killingTools(folder: string, k: number, moment: 'before' | 'after'): Readonly<Record<string, string>> {
  const bin = mkdtempSync(join(folder, 'killing-'));
  const started = join(bin, 'started');
  mkdirSync(started);
  for (const tool of TOOLS) {
    const lines = [
      '#!/bin/bash',
      'export PATH=/usr/sbin:/usr/bin',
      `n=1; until mkdir ${started}/$n 2>/dev/null; do n=$((n+1)); done`,
      `[ $n = ${k} ] || exec ${tool} "$@"`,
      ...(moment === 'before' ? ['kill -KILL $PPID', `exec ${tool} "$@"`] : [`${tool} "$@"`, 'kill -KILL $PPID']),
    ];
    writeFileSync(join(bin, tool), `${lines.join('\n')}\n`, { mode: 0o755 });
  }
  return { FLATNET_TOOL_PATH: bin };
}

/**
 * A program with arguments that runs a plugin as its last argument, and kills it with SIGKILL at the k-th message that it sends to the
 * kernel: as it sends it, or as it asks for the answer. With more than the plugin sends, it is not killed.
 */
export const killingMessages = (k: number, moment: 'before' | 'after'): readonly string[] => {
  const call = moment === 'before' ? 'sendto' : 'recvfrom';
  return ['strace', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:signal=SIGKILL:when=${k}`];
};
