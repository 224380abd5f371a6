import type { NftCommand, NftFamily } from './commands.ts';

/**
 * Tables and maps in nft's own language, which nft 1.0.6 needs for data that are a concatenation, as commands of the JSON language:
 * `add table inet t; add map inet t m { type inet_proto . inet_service : ipv4_addr . inet_service; }`. Undefined for every other text.
 */
export function parseMapCommands(text: string): NftCommand[] | undefined {
  const commands: NftCommand[] = [];
  for (let rest = text.trim(); rest !== '';) {
    const table = /^add table (\w+) (\w+)\s*(?:;|$)/.exec(rest);
    const map = /^add map (\w+) (\w+) (\w+) \{ type ([\w. ]+) : ([\w. ]+); \}\s*(?:;|$)/.exec(rest);
    const [whole = '', family = '', name = ''] = table ?? map ?? [];
    if (whole === '') return undefined;
    const at = { family: family as NftFamily };
    if (map === null) commands.push({ add: { table: { ...at, name } } });
    else
      commands.push({
        add: { map: { ...at, table: name, name: map[3] ?? '', type: fields(map[4]), map: fields(map[5]) } },
      });
    rest = rest.slice(whole.length).trim();
  }
  return commands;
}

const fields = (types = ''): string | string[] => {
  const names = types.split(' . ').map((name) => name.trim());
  return names.length === 1 ? (names[0] as string) : names;
};
