import { CniError, ErrorCode } from '@flatnet/cni';

/** A field that may be one text or several. */
export const list = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined || value === '' ? [] : typeof value === 'string' ? [value] : value;

/** @throws CniError code 7. */
export const refuse = (details: string): never => {
  throw new CniError(ErrorCode.invalidConfig, 'invalid configuration of flatnet-portmap', details);
};
