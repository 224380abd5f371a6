/**
 * A program with arguments that runs a plugin as its last argument, and kills it with SIGKILL at the k-th message that it sends to the
 * kernel: as it sends it, or as it asks for the answer. With more than the plugin sends, it is not killed.
 */
export const killingMessages = (k: number, moment: 'before' | 'after'): readonly string[] => {
  const call = moment === 'before' ? 'sendto' : 'recvfrom';
  return ['strace', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:signal=SIGKILL:when=${k}`];
};
