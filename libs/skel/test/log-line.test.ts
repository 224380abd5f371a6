import { CniError } from '@flatnet/cni';
import { expect, test } from 'vitest';
import { Trace } from '../src/index.ts';
import { readLogLine } from '../src/log-line.ts';

test('reads what a trace wrote', () => {
  const trace = new Trace('flatnet');
  Object.assign(trace, { verb: 'ADD', network: 'web', attachment: { containerId: 'c1', ifName: 'eth0' } });
  trace.error = new CniError(11, 'busy', 'try again');
  expect(readLogLine(trace.toLine(new Date(0)))).toEqual({
    ...{ time: '1970-01-01T00:00:00.000Z', plugin: 'flatnet', outcome: 'error', verb: 'ADD', network: 'web' },
    ...{ containerId: 'c1', ifName: 'eth0', code: 11, msg: 'busy', details: 'try again', ms: expect.any(Number) },
  });
});

test.each(['', '{"time":"2026', '[]', 'null', '{"plugin":"x"}', '{"time":1,"plugin":"x","outcome":"ok"}'])(
  'passes over %j',
  (line) => expect(readLogLine(line)).toBeUndefined(),
);

test('leaves out what has another type', () => {
  expect(readLogLine('{"time":"t","plugin":"p","outcome":"ok","code":"7","msg":7}')).toEqual({
    ...{ time: 't', plugin: 'p', outcome: 'ok' },
  });
});
