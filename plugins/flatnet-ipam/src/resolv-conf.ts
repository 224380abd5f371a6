import { readFileSync, statSync } from 'node:fs';
import { CniError, ErrorCode, shown, type Dns } from '@flatnet/cni';

const MAX_BYTES = 64 * 1024;

/** The `dns` of a resolv.conf(5) file. @throws CniError code 5 when it cannot be read. */
export const readResolvConf = (path: string): Dns => {
  try {
    const { size } = statSync(path);
    // Also keeps a FIFO from blocking: only a regular file has a size and is read.
    if (!statSync(path).isFile() || size > MAX_BYTES) throw new Error('not a regular file of at most 64 KiB');
    return parseResolvConf(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CniError(ErrorCode.ioFailure, `could not read ipam.resolvConf ${shown(path)}`, why, { cause: error });
  }
};

/** As host-local reads it: `nameserver`, `domain`, `search`, `options`; `#` and `;` begin comments. */
export const parseResolvConf = (text: string): Dns => {
  const nameservers: string[] = [];
  const search: string[] = [];
  const options: string[] = [];
  let domain: string | undefined;
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line.startsWith('#') || line.startsWith(';')) continue;
    const [word, ...values] = line.split(/\s+/);
    const [value] = values;
    if (value === undefined) continue;
    if (word === 'nameserver') nameservers.push(value);
    else if (word === 'domain') domain = value;
    else if (word === 'search') search.push(...values);
    else if (word === 'options') options.push(...values);
  }
  return { nameservers, ...(domain === undefined ? {} : { domain }), search, options };
};
