import { CniError, ErrorCode, type AddResult } from '@flatnet/cni';
import type { AddRequest } from './plugin.ts';

/** The result that a chained plugin needs of those before it. @throws CniError code 7. */
export function chainedResult({ prevResult }: Pick<AddRequest<unknown>, 'prevResult'>, plugin: string): AddResult {
  if (prevResult !== undefined) return prevResult;
  throw new CniError(
    ErrorCode.invalidConfig,
    `${plugin} must be called as chained plugin`,
    'the configuration has no prevResult: put it behind a main plugin in a conflist',
  );
}
