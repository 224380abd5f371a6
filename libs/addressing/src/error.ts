/** An address, prefix or range that cannot be used. `text` is what was given, for the message of the caller. */
export class AddressError extends Error {
  override readonly name = 'AddressError';

  constructor(
    message: string,
    readonly text: string,
  ) {
    super(message);
  }
}

/** Quotes text from outside so that it can stand in a message: escaped, and cut to 80 characters. */
export const quote = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
