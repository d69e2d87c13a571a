import { createServer } from 'node:http';
import { performance } from 'node:perf_hooks';
import { parentPort } from 'node:worker_threads';

/*
 * The ledger's receiver, in a thread of its own. Node accepts one connection a turn of its event loop: in that of a test that
 * publishes hundreds of events a second on a machine with much else to do, a new connection waited for up to 15 s, and its
 * delivery timed out for no fault of the sender's.
 */

/** Paths whose answers the test decides on. */
const asked = new Set();
/** Requests that wait for the test's decision. */
const waiting = new Map();
const arrivals = new Map();
let requests = 0;
let server;

function receive(request, response) {
  request.resume();
  request.once('end', () => {
    const path = request.url ?? '/';
    const eventId = String(request.headers['webhook-id']);
    const key = `${path} ${eventId}`;
    const nth = (arrivals.get(key) ?? 0) + 1;
    arrivals.set(key, nth);
    parentPort.postMessage({ arrived: path });
    if (!asked.has(path)) return answer(response, eventId, 200);
    const id = requests++;
    waiting.set(id, { response, eventId });
    const timestampSeconds = Number(request.headers['webhook-timestamp']);
    parentPort.postMessage({ asks: id, arrival: { path, eventId, nth, timestampSeconds } });
  });
}

function answer(response, eventId, status) {
  // Nobody reads the answer any more: its sender has been killed, or its deadline is over.
  if (response.destroyed) return;
  if (status < 300) parentPort.postMessage({ delivered: eventId, at: performance.timeOrigin + performance.now() });
  response.writeHead(status).end();
}

const actions = {
  up({ port }) {
    server = createServer(receive);
    server.once('error', (error) => parentPort.postMessage({ failed: String(error) }));
    server.listen(port, '127.0.0.1', () => parentPort.postMessage({ up: server.address().port }));
  },
  down() {
    server.close(() => parentPort.postMessage({ down: true }));
    server.closeAllConnections();
  },
  ask: ({ path }) => asked.add(path),
  answer({ id, status }) {
    const { response, eventId } = waiting.get(id);
    waiting.delete(id);
    if (status !== null) answer(response, eventId, status);
  },
  /** All that was told before this has been read when its answer is. */
  ping: ({ id }) => parentPort.postMessage({ pong: id }),
};

parentPort.on('message', (message) => actions[message.do](message));
