import { DnsFolder } from './folder.ts';
import { type Proc, realProc } from './proc.ts';
import { byFile } from './process.ts';

/** Networks by name, and views by the name of their folder, whose server does not live. A look costs two small files each. */
export function deadServers(folder = new DnsFolder(), proc: Proc = realProc): readonly string[] {
  return [...folder.networks(), ...folder.views()]
    .filter((server) => folder.readConf(server) !== undefined)
    .filter((server) => byFile(proc, folder.conf(server), folder.pid(server)) === undefined)
    .map((server) => folder.readZone(server)?.network ?? server);
}
