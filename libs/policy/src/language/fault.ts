/** A value of a policy that means nothing. */
export class PolicyFault extends Error {
  override readonly name = 'PolicyFault';

  /**
   * @param field where the value stands: `policies[0].ingress[1].ports[0].endPort`.
   * @param reason what is wrong, and what to write in its place.
   */
  constructor(
    readonly field: string,
    readonly reason: string,
  ) {
    super(`${field}: ${reason}`);
  }
}

const MOST = 80;
/** A value of a stranger, as JSON, cut. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}
