/** Does `work` again and again, with the number of the turn. One that fails is done again: the kernel may refuse once. @returns ends it. */
export function every(ms: number, work: (turn: number) => void): () => void {
  let turn = 0;
  const timer = setInterval(() => {
    try {
      work((turn += 1));
    } catch (error) {
      process.stderr.write(`flatnetd: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }, ms);
  return () => clearInterval(timer);
}
