/** What Podman and netavark write to a driver's stdin. Podman 5 writes null for what is absent, Podman 6 leaves it out. */
import { configObject } from '@flatnet/cni/schema';
import * as z from 'zod/mini';

const text = z.optional(z.string());
const flag = z.optional(z.boolean());
const texts = z.optional(z.array(z.string()));
const words = z.optional(z.record(z.string(), z.string()));
const port = z.int().check(z.gte(1), z.lte(65535));

const subnet = configObject({
  subnet: z.string(),
  gateway: text,
  lease_range: z.optional(configObject({ start_ip: text, end_ip: text })),
});

const route = configObject({
  destination: z.string(),
  gateway: text,
  metric: z.optional(z.int().check(z.gte(0), z.lte(4294967295))),
  route_type: text,
});

/** A network: stdin of create, `network` of setup and teardown, and a file of Podman's folder of networks. */
export const networkSchema = configObject({
  name: z.string(),
  id: text,
  driver: text,
  network_interface: text,
  created: text,
  subnets: z.optional(z.array(subnet)),
  routes: z.optional(z.array(route)),
  ipv6_enabled: flag,
  internal: flag,
  dns_enabled: flag,
  network_dns_servers: texts,
  labels: words,
  options: words,
  ipam_options: words,
});
export type NetworkDocument = z.infer<typeof networkSchema>;

/** What setup and teardown have to know even where nothing else can be read. */
export const identitySchema = configObject({
  container_id: z.string(),
  network: configObject({ name: z.string(), network_interface: text }),
  network_options: configObject({ interface_name: z.string() }),
});

/** stdin of setup and teardown. */
export const attachmentSchema = configObject({
  container_id: z.string(),
  container_name: text,
  port_mappings: z.optional(
    z.array(
      configObject({
        container_port: port,
        host_ip: text,
        host_port: port,
        protocol: text,
        range: z.optional(z.int().check(z.gte(0), z.lte(65535))),
      }),
    ),
  ),
  network: networkSchema,
  network_options: configObject({
    aliases: texts,
    interface_name: z.string(),
    static_ips: texts,
    static_mac: text,
    options: words,
  }),
});
export type AttachmentDocument = z.infer<typeof attachmentSchema>;
