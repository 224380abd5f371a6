import { AddressError } from '@flatnet/addressing';
import { CniError, ErrorCode } from '@flatnet/cni';

/** @throws CniError code 7: `what` cannot be, and `next` is the step that mends it. */
export const refuse = (what: string, next: string): never => {
  throw new CniError(ErrorCode.invalidConfig, what, next);
};

/** What `parse` reads of a text. @throws CniError code 7 that names the field. */
export function readField<T>(field: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof AddressError) return refuse(`${field}: ${error.message}`, 'correct it');
    throw error;
  }
}
