// A tiny TCP load: `server PORT` answers every byte with a byte; `client HOST PORT` prints round trips and connections as JSON.
// The same program stands on both ends for every side, so its own cost is the same for all.
import { connect, createServer, type Socket } from 'node:net';

const [mode, ...rest] = process.argv.slice(2);
const ROUND_TRIP_MS = 700;
const CONNECT_MS = 1_000;
const CONNECTING_AT_ONCE = 8;

const opened = (host: string, port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });

const answered = (socket: Socket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('data', () => resolve());
    socket.once('close', () => reject(new Error('closed')));
    socket.write('x');
  });

/** Median round trip of one byte, microseconds. */
async function roundTrip(host: string, port: number): Promise<number> {
  const socket = await opened(host, port);
  socket.setMaxListeners(0);
  const times: number[] = [];
  const end = performance.now() + ROUND_TRIP_MS;
  while (performance.now() < end) {
    const begin = performance.now();
    await answered(socket);
    socket.removeAllListeners('close');
    times.push(performance.now() - begin);
  }
  socket.destroy();
  times.sort((a, b) => a - b);
  return times[times.length >> 1]! * 1000;
}

/** Connections opened, used for one byte and closed, per second. */
async function connections(host: string, port: number): Promise<number> {
  let count = 0;
  const begin = performance.now();
  const worker = async (): Promise<void> => {
    while (performance.now() - begin < CONNECT_MS) {
      const socket = await opened(host, port);
      await answered(socket);
      socket.removeAllListeners('close');
      socket.on('error', () => {});
      // A reset leaves no TIME_WAIT behind, so that the client never runs out of ports.
      socket.resetAndDestroy();
      count++;
    }
  };
  await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, worker));
  return (count * 1000) / (performance.now() - begin);
}

if (mode === 'server') {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('data', (bytes) => socket.write(bytes));
    socket.on('error', () => {});
  });
  server.listen(Number(rest[0]), '0.0.0.0', 1024, () => process.stdout.write('ready\n'));
} else {
  const [host, port] = [rest[0]!, Number(rest[1])];
  void (async () => {
    const latencyUs = await roundTrip(host, port);
    const perSecond = await connections(host, port);
    process.stdout.write(JSON.stringify({ latencyUs, perSecond }));
    process.exit(0);
  })();
}
