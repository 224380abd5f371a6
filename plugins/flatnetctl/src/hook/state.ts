import { CniError } from '@flatnet/cni';
import { configObject, decode } from '@flatnet/cni/schema';
import * as z from 'zod/mini';
import { problem, usage } from '../failure.ts';

/** What an OCI runtime tells its hooks on stdin (OCI runtime specification, "State"), as far as it is used. */
export interface ContainerState {
  readonly id: string;
  readonly status: string;
  /** Absent once the container has stopped. */
  readonly pid?: number;
  readonly annotations: Readonly<Record<string, string>>;
}

const schema = configObject({
  id: z.string().check(z.minLength(1)),
  status: z.string(),
  pid: z.optional(z.int().check(z.gte(0))),
  annotations: z.optional(z.record(z.string(), z.string())),
});

const NEXT = 'let the OCI runtime call this (config.json, "hooks"), see flatnetctl hook --help';

/** @throws OperatorError (usage) */
export function parseState(text: string): ContainerState {
  try {
    const { id, status, pid, annotations } = decode(schema, JSON.parse(text), 'container state');
    return { id, status, ...(pid ? { pid } : {}), annotations: annotations ?? {} };
  } catch (error) {
    if (error instanceof SyntaxError) throw usage('stdin holds no container state: it is not JSON', NEXT);
    if (error instanceof CniError) throw usage(`${error.message}: ${error.details}`, NEXT);
    throw error;
  }
}

/** What a hook has to do at this point of the container's life. @throws OperatorError */
export function taskOf({ status, pid, id }: ContainerState): 'attach' | 'detach' {
  if (status === 'stopped') return 'detach';
  if (pid !== undefined && ['creating', 'created', 'running'].includes(status)) return 'attach';
  throw problem(
    `container ${id} is ${JSON.stringify(status)} and has no process: there is nothing to attach`,
    'run this as createRuntime and as poststop',
  );
}
