/**
 * Error codes of the CNI specification (section "Error"), and the first code that a plugin may give a meaning of its own.
 * `internal` is what the reference skeleton uses for failures that it cannot classify.
 */
export const ErrorCode = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  decodingFailure: 6,
  invalidConfig: 7,
  invalidNetns: 8,
  tryAgainLater: 11,
  notAvailable: 50,
  limitedConnectivity: 51,
  /** Flatnet: what was asked for exists already and has an owner (interface, address, host port). */
  conflict: 100,
  /** Flatnet: no free address is left in a range set. */
  exhausted: 101,
  /** Flatnet: CHECK found that the wanted and the real state differ. */
  checkFailed: 102,
  /** Flatnet: DEL or GC went to the end, but something of ours is still there. */
  cleanupIncomplete: 103,
  internal: 999,
} as const;

/**
 * The one error of the protocol: thrown anywhere, printed once, by the skeleton.
 *
 * Podman shows its user only `msg: details`, so `msg` says what failed on which object, and `details` says the cause and
 * the next step.
 */
export class CniError extends Error {
  override readonly name = 'CniError';

  constructor(
    readonly code: number,
    message: string,
    readonly details = '',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
