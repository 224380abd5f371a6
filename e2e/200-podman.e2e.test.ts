// Real Podman (4.3, CNI backend) on installed conflists.
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fetchPage, useSandbox } from './fixture.ts';
import { attachmentOf, openPodman, type Podman } from './podman.ts';

const host = useSandbox();
let podman: Podman;
beforeAll(async () => {
  podman = await openPodman(host.sandbox);
  podman.install('30-flatnet-full.conflist');
  podman.install('20-flatnet-dualstack.conflist');
});
// Also after a failed test, so that the leak check speaks of that test only.
afterEach(async () => {
  await podman.must('rm', '--force', '--all', '--time', '0');
});

const web = ['busybox', 'httpd', '-f', '-p', '80', '-h', '/www'];
const run = (name: string, ...options: string[]): Promise<string> =>
  podman.must('run', '--detach', '--name', name, '--network', 'flatnet', ...options);
const page = 'hello from flatnet';

describe('podman', () => {
  it('lists the networks', async () => {
    const names = await podman.must('network', 'ls', '--format', '{{.Name}}');
    expect(names.split('\n')).toEqual(expect.arrayContaining(['flatnet', 'flatnet-dualstack']));
  });

  it('runs two containers that reach each other, one of them published', async () => {
    await run('web', '--publish', '8080:80', ...web);
    await run('client', 'busybox', 'sleep', '1000');
    const { IPAddress } = await attachmentOf(podman, 'web', 'flatnet');
    await podman.must('exec', 'client', 'ping', '-c', '1', '-W', '15', IPAddress);
    expect(await podman.must('exec', 'client', 'wget', '-q', '-O', '-', `http://${IPAddress}/`)).toBe(page);
    expect(await fetchPage(host.sandbox, '10.87.1.1', 8080)).toBe(page);
    expect(await fetchPage(host.sandbox, '127.0.0.1', 8080)).toBe(page);
  });

  it('gives the address and the MAC that were asked for', async () => {
    await run('web', '--ip', '10.87.1.77', '--mac-address', '02:11:22:33:44:55', ...web);
    expect(await attachmentOf(podman, 'web', 'flatnet')).toMatchObject({
      IPAddress: '10.87.1.77',
      MacAddress: '02:11:22:33:44:55',
    });
    const link = await podman.must('exec', 'web', 'ip', 'link', 'show', 'dev', 'eth0');
    expect(link).toContain('02:11:22:33:44:55');
  });

  it('refuses an address in use, says whose it is, and the owner keeps it', async () => {
    await run('web', '--ip', '10.87.1.77', '--publish', '8080:80', ...web);
    const refused = await podman(
      'run',
      '--name',
      'late',
      '--network',
      'flatnet',
      '--ip',
      '10.87.1.77',
      'busybox',
      'sleep',
      '1',
    );
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain('10.87.1.77');
    await podman.must('rm', '--force', 'late');
    expect(await fetchPage(host.sandbox, '10.87.1.1', 8080)).toBe(page);
    expect(
      (await podman('run', '--rm', '--network', 'flatnet', '--ip', '10.87.1.77', 'busybox', 'sleep', '0')).exitCode,
    ).not.toBe(0);
  });

  it.each([
    ['without a MAC of its own', () => []],
    ['with another MAC each time', (round: number) => ['--mac-address', `02:11:22:33:44:0${round}`]],
  ])(
    'an address goes to the next container at once, %s: its port answers, and a sibling reaches it',
    async (_, mac) => {
      // The sibling keeps the bridge up, and the host remembers the MAC.
      await run('client', 'busybox', 'sleep', '1000');
      // A stale MAC would take 40 seconds; the server may take a moment to listen.
      const wget = ['busybox', 'timeout', '5', 'busybox', 'wget', '-q', '-O', '-', 'http://10.87.1.77/'];
      const fromHost = (): Promise<string> => fetchPage(host.sandbox, '10.87.1.1', 8080);
      const fromClient = async (): Promise<string> => (await podman('exec', 'client', ...wget)).stdout.trim();
      for (const round of [1, 2]) {
        await run('web', '--ip', '10.87.1.77', '--publish', '8080:80', ...mac(round), ...web);
        expect((await fromHost()) || (await fromHost()), `host, round ${round}`).toBe(page);
        expect((await fromClient()) || (await fromClient()), `client, round ${round}`).toBe(page);
        await podman.must('rm', '--force', '--time', '0', 'web');
      }
    },
  );

  it('restarts a container, whose port answers again', async () => {
    await run('web', '--publish', '8080:80', ...web);
    await podman.must('restart', '--time', '0', 'web');
    expect(await fetchPage(host.sandbox, '10.87.1.1', 8080)).toBe(page);
  });

  it('reloads a network after its rules were flushed', async () => {
    await run('web', '--publish', '8080:80', ...web);
    const before = await attachmentOf(podman, 'web', 'flatnet');
    await host.sandbox.must('nft', ['flush', 'ruleset']);
    await podman.must('network', 'reload', 'web');
    expect(await attachmentOf(podman, 'web', 'flatnet')).toMatchObject({ IPAddress: before.IPAddress });
    expect(await fetchPage(host.sandbox, '10.87.1.1', 8080)).toBe(page);
  });

  it('publishes a range of ports', async () => {
    await run('web', '--publish', '9000-9009:80-89', ...web);
    expect(await fetchPage(host.sandbox, '10.87.1.1', 9000)).toBe(page);
  });

  // Podman sends the published ports with each network: the first one has them, the next one takes over when it is detached.
  it('attaches a container to two networks', async () => {
    const networks = ['--network', 'flatnet', '--network', 'flatnet-dualstack'];
    await podman.must('run', '-d', '--name', 'both', ...networks, '-p', '8080:80', ...web);
    const first = await attachmentOf(podman, 'both', 'flatnet');
    const second = await attachmentOf(podman, 'both', 'flatnet-dualstack');
    expect(first.IPAddress).toMatch(/^10\.87\.1\./);
    expect(second.IPAddress).toMatch(/^10\.87\.2\./);
    expect(second.GlobalIPv6Address).toMatch(/^fd87:2::/);
    expect(await fetchPage(host.sandbox, '10.87.1.1', 8080)).toBe(page);
    await podman.must('network', 'disconnect', 'flatnet', 'both');
    expect(await fetchPage(host.sandbox, '10.87.1.1', 8080)).toBe(page);
  });

  it('runs ten containers at once', { timeout: 120_000 }, async () => {
    const names = Array.from({ length: 10 }, (_, index) => `ten${index}`);
    await Promise.all(names.map((name) => run(name, 'busybox', 'sleep', '1000')));
    const attachments = await Promise.all(names.map((name) => attachmentOf(podman, name, 'flatnet')));
    expect(new Set(attachments.map(({ IPAddress }) => IPAddress)).size).toBe(10);
    await Promise.all(names.map((name) => podman.must('rm', '--force', '--time', '0', name)));
  });
});
