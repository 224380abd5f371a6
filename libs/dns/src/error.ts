/** Names that cannot be served. `missing`: there is no dnsmasq; `conflict`: the bridge is another network's. */
export class DnsError extends Error {
  override readonly name = 'DnsError';

  /** @param next the next step, as an imperative. */
  constructor(
    readonly problem: 'missing' | 'conflict' | 'not-started' | 'no-answer' | 'busy',
    message: string,
    readonly next: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
