import { errnoName } from '@flatnet/sys';

/** What the kernel said about a message that it refused, beside the number. */
export interface Refusal {
  /** The kernel's own sentence (NLMSGERR_ATTR_MSG); absent where it has none. */
  readonly reason?: string;
  /** Offset in bytes of the attribute that it means, from the start of the message (NLMSGERR_ATTR_OFFS). */
  readonly offset?: number;
  /** Number of the attribute that is missing (NLMSGERR_ATTR_MISS_TYPE). */
  readonly missing?: number;
}

/** The kernel refused a message, or did not answer it. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  /** The name of the number: `EEXIST`. */
  readonly code: string;
  readonly reason: string | undefined;
  readonly offset: number | undefined;
  readonly missing: number | undefined;

  /**
   * @param request the kernel's name of the message: `RTM_NEWLINK`.
   * @param errno the positive number of errno(3). ETIMEDOUT: no answer came in time. ENOBUFS: answers were lost, and what the kernel did
   *   is not known.
   * @param index which message of a batch it was, from 0; 0 for a single message.
   */
  constructor(
    readonly request: string,
    readonly errno: number,
    refusal: Refusal = {},
    readonly index = 0,
  ) {
    const code = errnoName(errno);
    super(`${request}: ${code}${refusal.reason === undefined ? '' : ` (${refusal.reason})`}`);
    this.code = code;
    this.reason = refusal.reason;
    this.offset = refusal.offset;
    this.missing = refusal.missing;
  }
}

/** Bytes that are not what the protocol says: too short, or a length that leads out of them. */
export class WireError extends Error {
  override readonly name = 'WireError';
}
