/** `GET /events`: server-sent events (WHATWG HTML, section "Server-sent events"). */
import type { Event, EventBus } from '../../events/bus.ts';
import { HttpError } from '../http-error.ts';
import type { Route } from '../router.ts';

const MOST = 64;
/** So that both sides find out when the other has gone. */
const HEARTBEAT_MS = 15_000;
/** A client that does not read is cut off before its events fill the memory. */
const MAX_UNREAD = 1024 * 1024;

/** @param stopping ends the streams, which would keep the server from ending. */
export const eventRoutes = (bus: EventBus, stopping: AbortSignal): readonly Route[] => [
  {
    method: 'GET',
    path: '/events',
    handle: ({ request, response, query, gone }) => {
      if (bus.listeners >= MOST) throw new HttpError(503, `${MOST} clients listen already`, 'end one of them');
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(': flatnetd\n\n');
      const since = Number(request.headers['last-event-id'] ?? query.get('since') ?? Number.NaN);
      const write = (text: string): void => {
        if (response.writableLength > MAX_UNREAD) response.destroy();
        else if (!response.destroyed) response.write(text);
      };
      if (Number.isSafeInteger(since)) for (const event of bus.since(since)) write(rendered(event));
      const end = bus.subscribe((event) => write(rendered(event)));
      const heartbeat = setInterval(() => write(': alive\n\n'), HEARTBEAT_MS);
      const leave = (): void => {
        clearInterval(heartbeat);
        end();
      };
      response.on('close', leave);
      gone.addEventListener('abort', leave);
      stopping.addEventListener('abort', () => {
        leave();
        response.end();
      });
      return undefined;
    },
  },
];

const rendered = (event: Event): string => `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
