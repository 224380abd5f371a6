// What `flatnetctl … -o json` promises to scripts. Strict: a key that comes or goes is a change of the contract.
import { z } from 'zod';

const text = z.string();

export const CniResult = z.object({
  cniVersion: text,
  interfaces: z.array(z.object({ name: text })),
  ips: z.array(z.object({ address: text })),
});

export const Leases = z.array(
  z.strictObject({
    network: text,
    address: text,
    containerId: text,
    ifName: text,
    name: text,
    since: text,
    netns: text,
    state: z.enum(['alive', 'gone', 'unknown']),
  }),
);

const Finding = z.strictObject({
  kind: z.enum([
    'dead-attachment',
    'unreadable-lease',
    'orphan-rules',
    'link-missing',
    'link-unplugged',
    'lease-missing',
    'address-missing',
    'rules-missing',
    'unrecorded',
    'unknown-owner',
  ]),
  level: z.enum(['problem', 'note']),
  network: text,
  containerId: text,
  ifName: text,
  name: text,
  mark: z.string().regex(/^([0-9a-f]{24})?$/),
  addresses: z.array(text),
  ports: z.array(text),
  netns: text,
  since: text,
  reason: z.string().min(1),
  next: z.string().min(1),
  gc: z.boolean(),
});
export const Findings = z.array(Finding);

export const Report = z.strictObject({
  version: z.literal(1),
  at: z.iso.datetime(),
  bootId: text,
  networks: z.array(z.strictObject({ name: text, attachments: z.number(), leases: z.number() })),
  findings: Findings,
});

export const Freed = z.array(
  z.strictObject({ finding: Finding, outcome: z.enum(['freed', 'would free', 'skipped', 'failed']), reason: text }),
);

const Rule = {
  kind: z.enum(['published', 'masquerade', 'guard', 'mss', 'limit', 'names', 'policy', 'bridge']),
  network: text,
  containerId: text,
  ifName: text,
  name: text,
  rule: text,
  state: z.enum(['ok', 'missing', 'orphan', 'unused']),
};
export const Rules = z.array(z.strictObject(Rule));

export const Reloaded = z.strictObject({
  rebuilt: Rules,
  dropped: z.array(z.strictObject({ network: text, containerId: text, ifName: text })),
  failed: z.array(z.strictObject({ ...Rule, reason: text })),
});

export const Healed = Reloaded.extend({ freed: Freed });

export const Steps = z.array(
  z.strictObject({
    step: text,
    state: z.enum(['ok', 'failed', 'skipped']),
    reason: text,
    next: text,
    ms: z.number(),
  }),
);

export const HookOutcome = z.strictObject({
  task: z.enum(['attach', 'detach']),
  containerId: text,
  networks: z.array(
    z.strictObject({
      network: text,
      id: text,
      name: text,
      ifName: text,
      mac: text,
      addresses: z.array(text),
      ports: z.array(
        z.strictObject({ hostPort: z.number(), containerPort: z.number(), protocol: text, hostIP: text.optional() }),
      ),
      netns: text,
      policies: z.array(text).optional(),
    }),
  ),
});
