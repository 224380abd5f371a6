import { CniError, ErrorCode } from '@flatnet/cni';

/** @throws CniError code 7. */
export const refuse = (details: string): never => {
  throw new CniError(ErrorCode.invalidConfig, 'invalid configuration of flatnet-firewall', details);
};
