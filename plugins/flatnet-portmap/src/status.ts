import { CniError, ErrorCode } from '@flatnet/cni';
import { ToolError } from '@flatnet/exec';
import { nextStepOf, type StatusRequest } from '@flatnet/skel';
import type { PortmapConfig } from './config.ts';
import type { Deps } from './deps.ts';

const unavailable = (details: string): CniError =>
  new CniError(ErrorCode.notAvailable, 'flatnet-portmap cannot publish ports', details);

/** STATUS. nft is there, speaks JSON, and may look at the tables. @throws CniError code 50 with the package to install. */
export async function status(deps: Deps, request: StatusRequest<PortmapConfig>): Promise<void> {
  const { run } = deps.kernel(request.signal);
  const result = await run('nft', ['-j', 'list', 'tables']).catch((error: unknown) => {
    if (error instanceof ToolError) throw unavailable(`nft: ${error.reason}; ${nextStepOf(error) ?? 'try again'}`);
    throw error;
  });
  if (result.exitCode === 0) return;
  const words = result.stderr.trim().slice(0, 300) || `nft ended with ${result.ending}`;
  const next = /json/i.test(words) ? '; install a build of nftables with JSON support' : '';
  throw unavailable(`${words}${next}`);
}
