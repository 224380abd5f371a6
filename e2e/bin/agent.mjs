// A test's hand inside a network namespace: `agent.mjs <socket> [name]`. With a name it serves TCP 80, 443 and 5432 and UDP 53, both families, and
// answers with that name and who asked. On the Unix socket it takes lines `tcp|udp <address> <port> [<ms>]`, asks there (UDP always from the same
// port, so that a flow goes on, `udp-new` from a new one), and gives the answer or the error's code. One process for a whole test file: a start costs more
// than all its questions.
import dgram from 'node:dgram';
import net from 'node:net';
import readline from 'node:readline';
import { patience } from './patience.mjs';

const [, , control, name] = process.argv;
const PATIENCE = 3000;
const CLIENT_PORT = 4321;

const plain = (address) => address.replace('::ffff:', '');
const listening = [];

if (name !== undefined) {
  for (const host of ['0.0.0.0', '::']) {
    for (const port of [80, 443, 5432]) {
      const tcp = net.createServer((socket) =>
        socket.on('error', () => {}).end(`${name} ${plain(socket.remoteAddress ?? '')}`),
      );
      listening.push(new Promise((done) => tcp.listen({ port, host, ipv6Only: true }, done)));
    }
    const udp = dgram.createSocket(host === '::' ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
    udp.on('message', (_, from) => udp.send(`${name} ${plain(from.address)}`, from.port, from.address));
    listening.push(new Promise((done) => udp.bind(53, host, done)));
  }
}

const ask = {
  tcp: (host, port, wait) =>
    new Promise((done) => {
      const socket = net.connect({ host, port });
      const stopWaiting = patience(wait, () => socket.destroy(Object.assign(new Error(), { code: 'TIMEOUT' })));
      socket.on('data', (data) => (done(`${data}`), socket.destroy())).on('error', ({ code }) => done(code));
      socket.on('close', stopWaiting);
    }),
  udp: (host, port, wait) => askUdp(host, port, wait, CLIENT_PORT),
  'udp-new': (host, port, wait) => askUdp(host, port, wait, 0),
};

function askUdp(host, port, wait, from) {
  return new Promise((done) => {
    const socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const end = (answer) => (stopWaiting(), socket.close(() => done(answer)));
    const stopWaiting = patience(wait, () => end('TIMEOUT'));
    socket.on('message', (data) => end(`${data}`)).on('error', ({ code }) => end(code));
    socket.bind(from, () => socket.send('x', port, host));
  });
}

await Promise.all(listening);
net
  .createServer(async (connection) => {
    for await (const line of readline.createInterface({ input: connection })) {
      const [protocol, host, port, wait = PATIENCE] = line.split(' ');
      connection.write(`${await ask[protocol](host, Number(port), Number(wait))}\n`);
    }
  })
  .listen(control);
