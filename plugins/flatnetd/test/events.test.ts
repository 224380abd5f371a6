import { describe, expect, it } from 'vitest';
import { EventBus } from '../src/events/bus.ts';
import { eventOf } from '../src/events/call-event.ts';
import { trafficOf } from '../src/metrics/traffic.ts';

const TIME = '2026-01-02T03:04:05.000Z';

describe('events', () => {
  it('are kept for clients that come back', () => {
    const bus = new EventBus(() => new Date(0));
    const heard: number[] = [];
    const end = bus.subscribe(({ id }) => heard.push(id));
    for (let count = 0; count < 1_100; count++) bus.publish({ kind: 'lease', message: '' });
    end();
    bus.publish({ kind: 'lease', message: '' });
    expect(heard.at(-1)).toBe(1_100);
    expect(bus.since(0)).toHaveLength(1_000);
    expect(bus.since(1_099).map(({ id }) => id)).toEqual([1_100, 1_101]);
  });

  it('are made of calls that changed something or failed', () => {
    const call = {
      ...{ time: TIME, plugin: 'flatnet', verb: 'ADD', outcome: 'ok' },
      ...{ network: 'web', containerId: 'c', ifName: 'eth0' },
    };
    expect(eventOf(call)).toMatchObject({ kind: 'attached', network: 'web', containerId: 'c', ifName: 'eth0' });
    expect(eventOf({ ...call, verb: 'CHECK' })).toBeUndefined();
    expect(eventOf({ ...call, outcome: 'error', msg: 'no', details: 'why' })).toMatchObject({
      ...{ kind: 'refused', message: 'flatnet refused ADD: no: why' },
    });
  });
});

describe('traffic', () => {
  const counters = { packets: 1, bytes: 2, dropped: 3 };
  const ends = { index: 1, name: 'fl', received: counters, sent: { packets: 4, bytes: 5, dropped: 6 } };

  it('is told as the container sees it', () => {
    const found = trafficOf({ ...ends, alias: 'flatnet:web:c1:eth0' });
    expect(found).toContainEqual({
      ...{ network: 'web', containerId: 'c1', ifName: 'eth0' },
      direction: 'sent',
      unit: 'bytes',
      value: 2,
    });
    expect(found).toContainEqual(expect.objectContaining({ direction: 'received', unit: 'dropped', value: 6 }));
  });

  it.each([undefined, '', 'flatnet:web:c1', 'mine'])('is nothing of ours with alias %j', (alias) => {
    expect(trafficOf({ ...ends, ...(alias === undefined ? {} : { alias }) })).toEqual([]);
  });
});
