import { type AddressInfo, createServer, type Socket } from 'node:net';
import { sharedNow } from '../clock.js';
import type { ReceiverMessage, ReceiverPlan, ReceiverReport } from '../wire.js';
import { checkRequests } from './check-requests.js';
import { frameOf } from './request-framing.js';
import { RequestLog } from './request-log.js';

// The receiver's process: it answers as cheaply as can be, below Node's HTTP server, and keeps every request.

const COUNT_MS = 20;
const OK = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
const FAILED = Buffer.from('HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n');
/** Where the path's first letter is: `POST /`. */
const KIND_AT = 6;
const [FLAKY, SLOW] = ['f'.charCodeAt(0), 's'.charCodeAt(0)];

const report = (message: ReceiverReport): void => void process.send?.(message);
const log = new RequestLog();
let succeeded = 0;

process.on('message', (message: ReceiverMessage) => {
  switch (message.kind) {
    case 'listen':
      void listen(message.plan);
      break;
    case 'collect':
      report({ kind: 'collected', requests: checkRequests(log, message.secrets) });
      break;
  }
});
process.once('disconnect', () => process.exit());

async function listen(plan: ReceiverPlan): Promise<void> {
  const ports = await Promise.all(
    Array.from({ length: plan.origins }, async () => {
      const server = createServer({ noDelay: true }, (socket) => serve(socket, plan));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return (server.address() as AddressInfo).port;
    }),
  );
  let told = 0;
  setInterval(() => {
    if (told === succeeded) return;
    told = succeeded;
    report({ kind: 'count', succeeded });
  }, COUNT_MS);
  report({ kind: 'listening', ports });
}

function serve(socket: Socket, plan: ReceiverPlan): void {
  let pending: Buffer | undefined;
  let firstByteAt = 0;
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    if (pending === undefined) firstByteAt = sharedNow();
    let bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      const frame = bytes.length === 0 ? null : frameOf(bytes);
      if (frame === null || frame.end > bytes.length) break;
      answer(socket, plan, bytes.subarray(0, frame.end), firstByteAt);
      bytes = bytes.subarray(frame.end);
    }
    pending = bytes.length === 0 ? undefined : bytes;
  });
}

function answer(socket: Socket, plan: ReceiverPlan, request: Buffer, firstByteAt: number): void {
  const kind = request[KIND_AT];
  const fails = kind === FLAKY && Math.random() < plan.flakyShare;
  log.add(firstByteAt, fails ? 500 : 200, request);
  if (!fails) succeeded += 1;
  if (kind === SLOW) setTimeout(() => socket.write(OK), plan.slowMs);
  else socket.write(fails ? FAILED : OK);
}
