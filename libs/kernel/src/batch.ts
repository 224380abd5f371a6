/**
 * Commands for `ip -batch -`: many changes for the price of one process.
 *
 * In a batch a newline is the next command, a blank the next word, and `#`, quotes and backslashes mean something. Words are
 * therefore built only from validated values, and whatever is outside of this set is refused rather than quoted.
 */
const WORD = /^[A-Za-z0-9_.:/@=+,%-]+$/;

/** One command: its words, without `ip`. */
export type IpCommand = readonly string[];

/** The text for `ip -batch -`. @throws Error for a word that could be read as anything but one word. */
export function renderBatch(commands: readonly IpCommand[]): string {
  return commands.map((words) => `${words.map(checkedWord).join(' ')}\n`).join('');
}

function checkedWord(word: string): string {
  if (WORD.test(word) && !word.endsWith('\n')) return word;
  throw new Error(`${JSON.stringify(word.slice(0, 200))} cannot be a word of an ip batch`);
}

/** Whether `word` may stand in a batch. */
export const isBatchWord = (word: string): boolean => WORD.test(word) && !word.endsWith('\n');
