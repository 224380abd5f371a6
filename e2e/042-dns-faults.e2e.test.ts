// Names while calls are killed, come at once, or under load.
import type { Json } from '@flatnet/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { answerTo, DnsLab, listOf, servers } from './dns-lab.ts';
import { useSandbox } from './fixture.ts';

const host = useSandbox();
const IDS = ['one', 'two', 'three'] as const;
const [one, two, three] = IDS.map((id) => ({ id, name: `name-${id}` })) as { id: string; name: string }[] as [
  { id: string; name: string },
  { id: string; name: string },
  { id: string; name: string },
];
let lab: DnsLab;
const results = new Map<string, Json>();

// The main plugin's part stays, so that each round is of flatnet-dns alone.
beforeAll(async () => {
  lab = new DnsLab(host.sandbox, listOf('faults', 1));
  for (const { id } of [one, two, three]) {
    await host.sandbox.addNetns(id);
    results.set(id, await lab.add({ id }));
    await call('DEL', { id });
  }
});
afterAll(async () => {
  for (const id of IDS) {
    await lab.del({ id });
    await host.sandbox.deleteNetns(id);
  }
});

const call = (verb: string, container: { id: string; name?: string }, under: readonly string[] = []) =>
  lab.call(verb, { ...container, under }, {}, results.get(container.id));
async function must(verb: string, container: { id: string; name?: string }): Promise<void> {
  const answer = await call(verb, container);
  expect(answer, answer.stdout).toMatchObject({ exitCode: 0 });
}
const addressOf = (id: string): string =>
  (results.get(id)!['ips'] as { address: string }[])[0]!.address.replace(/\/.*/, '');
const ask = (question: string) => answerTo(host.sandbox, 'three', question);

/** Calls by which flatnet-dns changes files, starts dnsmasq, and signals it. */
const CALLS = ['mkdir', 'rename', 'unlink', 'rmdir', '?fork,?vfork,?clone,?clone3', 'kill'];
const killedAt = (syscalls: string, k: number): readonly string[] => [
  ...['strace', '-qq', '-o', '/dev/null', '-e', `trace=${syscalls}`],
  ...['-e', `inject=${syscalls}:signal=SIGKILL:when=${k}`],
];

it.each<[string, string, boolean]>([
  ['ADD', 'the first', false],
  ['ADD', 'a further', true],
  ['DEL', 'the last', false],
  ['DEL', 'an earlier', true],
])(
  '%s of %s attachment, killed at any step: the next calls serve what should be there, and then nothing is left',
  async (verb, _which, isOtherThere) => {
    let kills = 0;
    for (const syscalls of CALLS) {
      for (let k = 1; ; k += 1) {
        if (isOtherThere) await must('ADD', two);
        if (verb === 'DEL') await must('ADD', one);
        const { exitCode } = await call(verb, one, killedAt(syscalls, k));
        const step = `${syscalls} ${k}`;
        if (!isOtherThere) await must('ADD', two);
        expect(await ask('name-two'), step).toEqual([addressOf('two')]);
        await must(verb, one);
        expect(await ask('name-one'), step).toEqual(verb === 'DEL' ? 'NXDOMAIN' : [addressOf('one')]);
        for (const each of [two, one, two]) await must('DEL', each);
        expect(await servers(host.sandbox), step).toEqual([]);
        expect((await host.sandbox.run('ls', ['/run/flatnet/dns'])).stdout, step).toBe('');
        if (exitCode === 0) break;
        kills += 1;
      }
    }
    expect(kills).toBeGreaterThan(2);
  },
  120_000,
);

it('calls that come at once lose no name, and the last DEL ends the server', async () => {
  const many = Array.from({ length: 12 }, (_, n) => ({ id: 'one', name: `many-${n}`, ifName: `eth${n}` }));
  const callAll = (verb: string) => Promise.all(many.map((each) => lab.call(verb, each, {}, results.get('one'))));
  for (const { exitCode, stdout } of await callAll('ADD')) expect(exitCode, stdout).toBe(0);
  for (const { name } of many) expect(await ask(name), name).toEqual([addressOf('one')]);
  expect(await servers(host.sandbox)).toHaveLength(1);
  for (const { exitCode, stdout } of await callAll('DEL')) expect(exitCode, stdout).toBe(0);
  expect(await servers(host.sandbox)).toEqual([]);
});

/** Asks again and again until stdin ends, and prints how often it was answered rightly, and how often not within 2 s. */
const ASKING = `
const [server, name, wanted] = process.argv.slice(1);
const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
const socket = require('dgram').createSocket('udp4');
let [id, right, lost, wrong, timer] = [0, 0, 0, 0];
const next = () => {
  id = (id + 1) % 65536;
  timer = setTimeout(() => { lost += 1; next(); }, 2000);
  socket.send(Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]), 53, server);
};
socket.on('message', (answer) => {
  if (answer.readUInt16BE(0) !== id) return;
  clearTimeout(timer);
  if ([...answer.subarray(-4)].join('.') === wanted) right += 1; else wrong += 1;
  next();
});
process.on('SIGTERM', () => { console.log(JSON.stringify({ right, lost, wrong })); process.exit(); });
next();`;

it('50 ADDs and DELs of others under load lose no question', async () => {
  await must('ADD', one);
  const args = ['20', process.execPath, '-e', ASKING, '10.53.1.1', 'name-one', addressOf('one')];
  const asking = host.sandbox.inNetns('three', 'timeout', ['--preserve-status', '--signal=TERM', ...args]);
  for (let round = 0; round < 50; round += 1) {
    await must('ADD', two);
    await must('DEL', two);
  }
  await host.sandbox.run('pkill', ['-TERM', '-f', 'name-one']);
  const { right, lost, wrong } = JSON.parse((await asking).stdout) as Record<string, number>;
  expect({ lost, wrong }).toEqual({ lost: 0, wrong: 0 });
  expect(right).toBeGreaterThan(100);
  await must('DEL', one);
}, 60_000);
