import { expect, test } from 'vitest';
import { segmentOf } from '../src/segment.ts';

test.each([
  [{ type: 'flatnet', name: 'web' }, 'fl-web'],
  [{ type: 'flatnet', name: 'web', bridge: 'br0' }, 'br0'],
  [{ type: 'flatnet', name: 'web', Bridge: 'br0', VLAN: 5 }, 'br0.5'],
  [{ type: 'flatnet', name: 'web', bridge: '' }, 'fl-web'],
  [{ type: 'bridge', name: 'podman' }, 'cni0'],
  [{ type: 'bridge', name: 'podman', bridge: null, vlan: 0 }, 'cni0'],
  [{ type: 'macvlan', name: 'n', master: 'eth0' }, 'eth0'],
  // The reference takes the device of the default route, which may be another one at each ADD.
  [{ type: 'macvlan', name: 'n' }, undefined],
  [{ type: 'ptp', name: 'n' }, undefined],
  [{ type: 'flatnet', bridge: 7 }, undefined],
  [{}, undefined],
])('%j: %s', (json, segment) => {
  expect(segmentOf(json)).toBe(segment);
});
