import { ToolError } from '@flatnet/exec';
import type { Kernel } from '@flatnet/kernel';

/** What `nft -j list WORDS…` prints, object by object. Only for tables that are not ours. @throws ToolError. */
export async function listForeignNft(
  kernel: Kernel,
  words: readonly string[],
): Promise<readonly Record<string, unknown>[]> {
  const doing = `list nft ${words.join(' ')}`;
  const result = await kernel.run('nft', ['-j', 'list', ...words]);
  if (result.ending !== 'exit' || result.exitCode !== 0) {
    throw new ToolError('nft', 'failed', doing, result.stderr.trim().slice(0, 400) || result.ending);
  }
  try {
    const parsed: unknown = JSON.parse(result.stdout);
    const list = typeof parsed === 'object' && parsed !== null && 'nftables' in parsed ? parsed.nftables : undefined;
    if (Array.isArray(list)) return list;
  } catch {
    // Not JSON: falls through to the error.
  }
  throw new ToolError('nft', 'failed', doing, 'it printed no JSON list');
}
