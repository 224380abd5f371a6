/** A refusal of a request before any plugin is asked. */
export class HttpError extends Error {
  override readonly name = 'HttpError';

  constructor(
    /** RFC 9110. */
    readonly status: number,
    message: string,
    /** The next step, as an imperative. */
    readonly details: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}
