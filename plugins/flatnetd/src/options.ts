import { Command, InvalidArgumentError } from 'commander';

/** How flatnetd is to run. */
export interface Options {
  /** Path of the Unix socket. */
  readonly socket: string;
  /** Name of the group that may use the socket beside root. */
  readonly group?: string;
  /** Tells what is wrong, and repairs nothing. */
  readonly observe: boolean;
  /** Seconds between two whole comparisons. */
  readonly interval: number;
  readonly netDir?: string;
  readonly cniPath?: string;
  readonly cacheDir?: string;
  /** Log of the plugins, from which events and metrics come. */
  readonly logFile: string;
  /** Path of flatnetctl. */
  readonly flatnetctl?: string;
}

export const DEFAULT_SOCKET = '/run/flatnet/flatnetd.sock';

const HELP = `
Plugins work without flatnetd. It answers CNI calls over HTTP on a Unix socket, and repairs what belongs to flatnet when the
kernel tells that it is gone. SIGTERM ends it after the calls that are under way.

Example:
  flatnetd --socket /run/flatnet/flatnetd.sock &
  curl --unix-socket /run/flatnet/flatnetd.sock http://flatnetd/healthz`;

/** The program's command line. @throws CommanderError */
export function readOptions(args: readonly string[]): Options {
  const program = new Command('flatnetd')
    .description('the CNI server of flatnet: calls over a Unix socket, recovery, metrics')
    .version('0.1.0')
    .option('--socket <path>', 'the Unix socket', DEFAULT_SOCKET)
    .option('--group <name>', 'the group that may use the socket beside root')
    .option('--observe', 'tell what is wrong, and repair nothing', false)
    .option('--interval <seconds>', 'time between two whole comparisons', seconds, 300)
    .option('--net-dir <dir>', 'network configurations (default $NETCONFPATH or /etc/cni/net.d)')
    .option('--cni-path <dirs>', 'plugin executables, colon-separated (default $CNI_PATH or where runtimes look)')
    .option('--cache-dir <dir>', "libcni's cache (default $CNI_CACHE_DIR or /var/lib/cni)")
    .option('--log-file <path>', 'the log of the plugins', '/run/flatnet/flatnet.log')
    .option('--flatnetctl <path>', 'the operator’s tool (default: beside flatnetd, else in PATH)')
    .addHelpText('after', HELP)
    .exitOverride();
  program.parse([...args], { from: 'user' });
  return program.opts<Options>();
}

function seconds(text: string): number {
  const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
  if (value >= 1) return value;
  throw new InvalidArgumentError('give a whole number from 1 to 999999');
}
