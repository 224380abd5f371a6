/** Which texts are names. dnsmasq skips a line with a bad one without a word, so that this decides. Pure. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** What inet_pton(3) reads; IPv6 has no labels. */
const ADDRESS = /^\d{1,3}(?:\.\d{1,3}){3}$/;
/** RFC 1035, 2.3.4, without the final dot. */
const MAX_NAME = 253;

/**
 * Labels of letters, digits, `-` and `_`, with dots between them; digits alone are a name too.
 *
 * @returns why the lower-case text is no name; undefined where it is one.
 */
export function nameFault(text: string): string | undefined {
  if (text === '') return 'it is empty';
  if (ADDRESS.test(text)) return 'it reads as an address';
  if (text.length > MAX_NAME) return `it has more than ${MAX_NAME} characters`;
  const bad = text.split('.').find((label) => !LABEL.test(label));
  if (bad === undefined) return undefined;
  if (bad === '') return 'a dot stands at its start or end, or beside another one';
  if (bad.length > 63) return 'a part between dots has more than 63 characters';
  return 'its parts between dots may hold letters, digits, "_" and "-", and "-" not at an end';
}
