import { ToolError, type ToolErrorKind } from '@flatnet/exec';
import { NetlinkError } from '@flatnet/netlink';
import { SysError, SysUnavailable } from '@flatnet/sys';

/** The kernel refused a change or a question, or could not be asked. */
export class RtnetlinkError extends ToolError {
  /**
   * @param failed which change of a list was refused, from 0; those before it took effect, those after were not tried.
   * @param code the name of the error number, `EEXIST`; empty where there is none.
   */
  constructor(
    kind: ToolErrorKind,
    doing: string,
    cause: string,
    readonly failed: number,
    readonly code = '',
  ) {
    super('rtnetlink', kind, doing, cause);
  }

  /** Whether the answer was lost, so that the kernel may have made the change that failed all the same. */
  get isUnknown(): boolean {
    return LOST.has(this.code);
  }
}

const KINDS: Readonly<Record<string, ToolErrorKind>> = {
  EEXIST: 'exists',
  ENODEV: 'not-found',
  ENOENT: 'not-found',
  ESRCH: 'not-found',
  EADDRNOTAVAIL: 'not-found',
  EBUSY: 'busy',
  EAGAIN: 'busy',
  EINTR: 'busy',
  ETIMEDOUT: 'timeout',
  ENOMEM: 'no-memory',
  EMFILE: 'no-descriptor',
  ENFILE: 'no-descriptor',
};

/** The words of strerror(3) for what the kernel says to links, addresses and routes. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EAGAIN: 'Resource temporarily unavailable',
  EBUSY: 'Device or resource busy',
  EEXIST: 'File exists',
  EHOSTUNREACH: 'No route to host',
  EINTR: 'Interrupted system call',
  EINVAL: 'Invalid argument',
  EMFILE: 'Too many open files',
  ENETUNREACH: 'Network is unreachable',
  ENFILE: 'Too many open files in system',
  ENOBUFS: 'No buffer space available',
  ENODEV: 'No such device',
  ENOENT: 'No such file or directory',
  ENOMEM: 'Cannot allocate memory',
  ENOSPC: 'No space left on device',
  EOPNOTSUPP: 'Operation not supported',
  EPERM: 'Operation not permitted',
  ERANGE: 'Numerical result out of range',
  ESRCH: 'No such process',
  EXFULL: 'Exchange full',
};

/** The answer did not come, or had no room in the socket. */
const LOST = new Set(['ETIMEDOUT', 'ENOBUFS']);

/** @param at the change that was tried, from 0. @throws what is no refusal. */
export function refusalOf(error: unknown, doing: string, at: number): RtnetlinkError {
  if (error instanceof SysUnavailable) return new RtnetlinkError('missing', doing, error.message, at);
  if (!(error instanceof NetlinkError) && !(error instanceof SysError)) throw error;
  const { code } = error;
  const words = WORDS[code] ?? code;
  const said = error instanceof NetlinkError ? error.reason : `${error.call}${error.object && ` ${error.object}`}`;
  const cause = said === undefined ? words : `${words} (${said})`;
  return new RtnetlinkError(KINDS[code] ?? 'failed', doing, cause, at, code);
}
