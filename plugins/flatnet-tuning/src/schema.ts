/** The schema of the configuration: its shape and its types are made from it, and it names what is wrong in one that does not fit. */
import { configObject, decode } from '@flatnet/cni/schema';
import * as z from 'zod/mini';

const flag = z.optional(z.boolean());
const text = z.optional(z.string());
const size = (most: number) => z.optional(z.int().check(z.gte(0), z.lte(most)));

const settings = {
  sysctl: z.optional(z.record(z.string(), z.string())),
  mac: text,
  mtu: size(65_535),
  promisc: flag,
  allmulti: flag,
  txQLen: size(2 ** 31 - 1),
};

/** What a configuration may say, for ADD, CHECK and STATUS. */
export const configSchema = () =>
  configObject({
    ...settings,
    dataDir: text,
    runtimeConfig: z.optional(configObject({ mac: text })),
    args: z.optional(configObject({ cni: z.optional(configObject(settings)) })),
  });
export type Raw = z.infer<ReturnType<typeof configSchema>>;

/** @throws CniError code 7 that names every field at fault. */
export const decodeRaw = (json: unknown): Raw => decode(configSchema(), json, 'configuration of flatnet-tuning');
