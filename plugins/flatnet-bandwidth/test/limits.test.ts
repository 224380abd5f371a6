import { describe, expect, it } from 'vitest';
import { decodeConfig } from '../src/config.ts';
import { decodeRaw } from '../src/schema.ts';

const limits = (json: object) => decodeConfig(json as Record<string, unknown>, 'ADD', decodeRaw).limits;

describe('limits', () => {
  it.each<[object, object]>([
    [{}, {}],
    [{ ingressRate: 0, ingressBurst: 0, egressRate: 0, egressBurst: 0 }, {}],
    [{ ingressRate: 1e6 }, { down: { rate: 1e6 } }],
    [{ INGRESSRATE: 8, IngressBurst: 1 }, { down: { rate: 8, burst: 1 } }],
    [
      { egressRate: 1000, latency: 5 },
      { up: { rate: 1000 }, latency: 5 },
    ],
    [{ latency: 5 }, {}],
    [
      { runtimeConfig: { bandwidth: { egressRate: 9e9, egressBurst: 2 ** 35 } } },
      { up: { rate: 9e9, burst: 2 ** 35 } },
    ],
    // The conflist's own limits beat those of the runtime as a whole; its zeros are absent keys.
    [{ ingressRate: 8e6, runtimeConfig: { bandwidth: { egressRate: 9e6 } } }, { down: { rate: 8e6 } }],
    [{ ingressRate: 0, runtimeConfig: { bandwidth: { egressRate: 9e6 } } }, { up: { rate: 9e6 } }],
    [
      { egressRate: 1e6, unshapedSubnets: ['10.0.0.0/8', 'fd00::/8', '10.0.0.0/8'] },
      { up: { rate: 1e6 }, exemption: { mode: 'unshaped', subnets: ['10.0.0.0/8', 'fd00::/8'] } },
    ],
    [{ egressRate: 1e6, shapedSubnets: [], unshapedSubnets: [] }, { up: { rate: 1e6 } }],
    // Where a runtime gives the rates, a container without one has no limit.
    [{ unshapedSubnets: ['10.0.0.0/8'], capabilities: { bandwidth: true } }, {}],
  ])('%j', (json, wanted) => {
    expect(limits(json)).toEqual(wanted);
  });

  it.each<[object, string]>([
    [{ ingressBurst: 1000 }, 'if burst is set, rate must also be set'],
    [{ ingressRate: -1 }, 'ingressRate is -1'],
    [{ ingressRate: 1.5 }, 'ingressRate is 1.5'],
    [{ ingressRate: 7 }, 'at least 8 bits'],
    [{ ingressRate: 1e19 }, 'ingressRate is 10000000000000000000'],
    [{ ingressRate: '10M' }, 'ingressRate is "10M": expected number'],
    [{ egressRate: 1e6, egressBurst: 2 ** 35 }, 'burst cannot be more than 4GB'],
    [{ runtimeConfig: { bandwidth: { egressRate: '1M' } } }, 'runtimeConfig.bandwidth.egressRate is "1M"'],
    [{ runtimeConfig: { bandwidth: { egressBurst: 5 } } }, 'runtimeConfig.bandwidth.egressBurst is 5'],
    [{ egressRate: 1e6, latency: 0 }, 'latency is 0'],
    [{ egressRate: 1e6, latency: 10_001 }, 'latency is 10001'],
    [{ egressRate: 1e6, latency: 1.5 }, 'latency is 1.5'],
    [
      { egressRate: 1e6, unshapedSubnets: ['10.0.0.1/8'] },
      'unshapedSubnets[0] is "10.0.0.1/8": it has host bits; give 10.0.0.0/8',
    ],
    [{ egressRate: 1e6, unshapedSubnets: ['10.0.0.0'] }, 'unshapedSubnets[0]'],
    [{ egressRate: 1e6, unshapedSubnets: ['10.0.0.0/8; flush ruleset'] }, 'unshapedSubnets[0]'],
    [{ egressRate: 1e6, unshapedSubnets: '10.0.0.0/8' }, 'unshapedSubnets is "10.0.0.0/8"'],
    [{ egressRate: 1e6, shapedSubnets: ['10.0.0.0/8'], unshapedSubnets: ['10.0.0.0/8'] }, 'exclude each other'],
    [{ shapedSubnets: ['10.0.0.0/8'] }, 'has no meaning without a rate'],
  ])('%j is refused', (json, words) => {
    expect(() => limits(json)).toThrow(
      expect.objectContaining({ code: 7, details: expect.stringContaining(words) as string }),
    );
  });

  it('DEL and GC need none of it', () => {
    for (const verb of ['DEL', 'GC'] as const) {
      expect(decodeConfig({ ingressRate: 'all', unshapedSubnets: 7 }, verb)).toEqual({ limits: {} });
    }
  });
});
