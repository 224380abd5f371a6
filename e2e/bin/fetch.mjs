// Prints the page of a URL, or ends with 1 when there is no answer in 5 s. Neither curl nor wget is on every Debian, and
// `wget -T` of Debian's static busybox crashes.
import { patience } from './patience.mjs';

const tooLate = new AbortController();
const stopWaiting = patience(5000, () => tooLate.abort(new Error('no answer in 5 s')));
try {
  const answer = await fetch(process.argv[2], { signal: tooLate.signal });
  process.stdout.write(await answer.text());
} catch (error) {
  process.stderr.write(`${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
} finally {
  stopWaiting();
}
