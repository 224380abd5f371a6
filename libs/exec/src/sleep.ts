/** Waits. `node:timers/promises` does the same, and takes 0.3 ms to load, which every command would pay for the few that wait. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
