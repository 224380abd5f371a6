// Prints the page of a URL, or ends with 1 when there is no answer in 3 s. Neither curl nor wget is on every Debian, and
// `wget -T` of Debian's static busybox crashes.
try {
  const answer = await fetch(process.argv[2], { signal: AbortSignal.timeout(3000) });
  process.stdout.write(await answer.text());
} catch (error) {
  process.stderr.write(`${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
}
