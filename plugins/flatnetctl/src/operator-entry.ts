/** The operator's tool, as the multi-call image knows it. Nothing is loaded until it is asked for: plugins share the image. */
export const operator = {
  name: 'flatnetctl',
  about: "the operator's tool: networks, attachments, leases, rules, repairs",
  /** Runs one command line (without the program's name) and answers its exit code. */
  run: async (args: readonly string[]): Promise<number> => {
    const [{ runCli }, { realWorld }] = await Promise.all([import('./cli.ts'), import('./world.ts')]);
    return runCli(args, realWorld());
  },
};
