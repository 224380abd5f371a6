import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from '@flatnet/exec';
import { openSandbox, type Sandbox } from '@flatnet/testing';
import { build } from 'esbuild';

/** Answers on TCP 80 and UDP 53, both families: its name and who asked. */
const SERVER = `
const net = require('node:net'), dgram = require('node:dgram'), name = process.argv[2];
const who = (address) => name + ' ' + address.replace('::ffff:', '');
for (const host of ['0.0.0.0', '::']) {
  net.createServer((s) => s.end(who(s.remoteAddress))).listen({ port: 80, host, ipv6Only: true });
  const udp = dgram.createSocket(host === '::' ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
  udp.on('message', (_, from) => udp.send(who(from.address), from.port, from.address));
  udp.bind(53, host);
}`;

/** Arguments \`proto address port\` in threes (UDP with a fixed source port); prints one answer per line, or an error's code. */
const PROBE = `
const net = require('node:net'), dgram = require('node:dgram'), args = process.argv.slice(2);
const tcp = (host, port, done) => {
  const socket = net.connect({ host, port }, () => undefined);
  socket.setTimeout(3000, () => socket.destroy(Object.assign(new Error(), { code: 'TIMEOUT' })));
  socket.on('data', (data) => done(data.toString())).on('error', (error) => done(error.code));
};
const udp = (host, port, done) => {
  const socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const timer = setTimeout(() => (socket.close(), done('TIMEOUT')), 3000);
  socket.on('message', (data) => (clearTimeout(timer), socket.close(), done(data.toString())));
  socket.bind(4321, () => socket.send('x', port, host));
};
(async () => {
  for (let i = 0; i < args.length; i += 3) {
    const ask = args[i] === 'udp' ? udp : tcp;
    console.log(await new Promise((done) => ask(args[i + 1], Number(args[i + 2]), done)));
  }
  process.exit(0);
})();`;

/** A private host: bridge br0 (10.9.0.1, fd09::1) with containers c2 and c3, another bridge with x2, and a machine outside. */
export interface Lab {
  readonly sandbox: Sandbox;
  cni(verb: string, container: string, portMappings: readonly object[], extra?: object): Promise<RunResult>;
  /** Asks each `proto address port` from a namespace (undefined: the host). */
  ask(from: string | undefined, ...questions: readonly string[]): Promise<readonly string[]>;
  ip(...lines: readonly string[]): Promise<void>;
}

const CONTAINERS = { c2: ['br0', 9, 2], c3: ['br0', 9, 3], x2: ['br1', 10, 2] } as const;

export const openLab = async (): Promise<Lab> => {
  const sandbox = await openSandbox();
  const file = (name: string): string => join(sandbox.folder, name);
  writeFileSync(file('server.cjs'), SERVER);
  writeFileSync(file('probe.cjs'), PROBE);
  const entryPoints = [join(import.meta.dirname, '../../src/main.ts')];
  await build({
    entryPoints,
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: file('portmap.mjs'),
    logLevel: 'error',
  });
  const ip = async (...lines: readonly string[]): Promise<void> => {
    for (const line of lines) await sandbox.must('ip', line.split(' '));
  };
  await sandbox.must('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
  for (const [bridge, net] of [
    ['br0', 9],
    ['br1', 10],
  ] as const) {
    await ip(`link add ${bridge} type bridge`, `addr add 10.${net}.0.1/24 dev ${bridge}`, `link set ${bridge} up`);
    await ip(`addr add fd${net}::1/64 dev ${bridge} nodad`);
  }
  await sandbox.addNetns('out');
  await ip('link add up0 type veth peer name eth0 netns out', 'addr add 192.0.2.1/24 dev up0', 'link set up0 up');
  await ip('addr add fd99::1/64 dev up0 nodad', '-n out addr add 192.0.2.9/24 dev eth0', '-n out link set eth0 up');
  await ip('-n out addr add fd99::9/64 dev eth0 nodad', '-n out route add default via 192.0.2.1');
  for (const [name, [bridge, net, host]] of Object.entries(CONTAINERS)) {
    await sandbox.addNetns(name);
    await ip(`link add v${name} type veth peer name eth0 netns ${name}`, `link set v${name} master ${bridge} up`);
    await ip(`link set v${name} type bridge_slave hairpin on`, `-n ${name} link set eth0 up`);
    await ip(`-n ${name} addr add 10.${net}.0.${host}/24 dev eth0`, `-n ${name} route add default via 10.${net}.0.1`);
    await ip(`-n ${name} addr add fd${net}::${host}/64 dev eth0 nodad`, `-n ${name} route add default via fd${net}::1`);
    void sandbox.inNetns(name, process.execPath, [file('server.cjs'), name], { timeoutMs: 240_000 });
  }
  const lab: Lab = {
    sandbox,
    ip,
    cni: (verb, container, portMappings, extra = {}) =>
      call(sandbox, file('portmap.mjs'), verb, container, portMappings, extra),
    ask: async (from, ...questions) => {
      const args = [file('probe.cjs'), ...questions.flatMap((question) => question.split(' '))];
      const options = { timeoutMs: 60_000 };
      const result = await (from === undefined
        ? sandbox.run(process.execPath, args, options)
        : sandbox.inNetns(from, process.execPath, args, options));
      return result.stdout.trim().split('\n');
    },
  };
  for (const [name, [, net, host]] of Object.entries(CONTAINERS))
    await listening(lab, name, `tcp 10.${net}.0.${host} 80`);
  return lab;
};

const listening = async (lab: Lab, name: string, question: string): Promise<void> => {
  for (let tries = 0; tries < 50; tries += 1) if ((await lab.ask(undefined, question))[0]?.startsWith(name)) return;
  throw new Error(`the server in ${name} does not listen`);
};

const call = (
  sandbox: Sandbox,
  bundle: string,
  verb: string,
  container: string,
  portMappings: readonly object[],
  extra: object,
): Promise<RunResult> => {
  const [, net, host] = CONTAINERS[container as keyof typeof CONTAINERS];
  const netns = `/run/netns/${container}`;
  const config = {
    cniVersion: '1.1.0',
    name: `net${net}`,
    type: 'flatnet-portmap',
    runtimeConfig: { portMappings },
    prevResult: {
      cniVersion: '1.1.0',
      interfaces: [{ name: 'eth0', sandbox: netns }],
      ips: [`10.${net}.0.${host}/24`, `fd${net}::${host}/64`].map((address) => ({ address, interface: 0 })),
    },
    ...extra,
  };
  const env = {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: container,
    CNI_NETNS: netns,
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/opt/cni/bin',
  };
  return sandbox.run(process.execPath, [bundle], { input: JSON.stringify(config), env, timeoutMs: 60_000 });
};
