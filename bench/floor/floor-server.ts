import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import pg from 'pg';
import { Agent, request } from 'undici';
import { v7 } from 'uuid';

// The floor's process: of what a webhook service does, only what can't be left out. An HTTP request in on bare node:http with
// its key checked, one row in a batch that is on disk before the answer, and one signed HTTP request out. No framework, no
// validation, no queue, no second look: no record of the attempt, no retry, no fairness.

interface Waiting {
  id: string;
  body: string;
  done: (error?: Error) => void;
}

const MAX_BATCH = 500;
const { FLOOR_DATABASE_URL, FLOOR_KEY_HASH, FLOOR_SECRET, FLOOR_TARGET } = process.env;
if (
  FLOOR_DATABASE_URL === undefined ||
  FLOOR_KEY_HASH === undefined ||
  FLOOR_SECRET === undefined ||
  FLOOR_TARGET === undefined
) {
  throw new Error('The floor is started by the benchmark.');
}
const signingKey = Buffer.from(FLOOR_SECRET.slice('whsec_'.length), 'base64');
const targets = FLOOR_TARGET.split(',');
const pool = new pg.Pool({ connectionString: FLOOR_DATABASE_URL, max: 2 });
const agent = new Agent({ connections: 128, pipelining: 1 });
const waiting: Waiting[] = [];
let committing = 0;
let sent = 0;

/** Group commit: while one batch is being written, the next one gathers. */
async function commit(): Promise<void> {
  while (waiting.length > 0 && committing < 1) {
    committing += 1;
    const batch = waiting.splice(0, MAX_BATCH);
    const rows = [batch.map(({ id }) => id), batch.map(({ body }) => body)];
    try {
      await pool.query({
        name: 'insert',
        text: 'INSERT INTO floor_events (id, payload) SELECT * FROM unnest($1::uuid[], $2::text[])',
        values: rows,
      });
      for (const { done } of batch) done();
    } catch (error) {
      for (const { done } of batch) done(error instanceof Error ? error : new Error(String(error)));
    } finally {
      committing -= 1;
    }
  }
}

function take(message: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  message.on('data', (chunk: Buffer) => chunks.push(chunk));
  message.on('end', () => {
    const hash = createHash('sha256').update(String(message.headers['x-api-key'])).digest('hex');
    if (hash !== FLOOR_KEY_HASH) {
      response.writeHead(401).end();
      return;
    }
    const id = v7();
    const body = Buffer.concat(chunks).toString();
    waiting.push({
      id,
      body,
      done: (error) => {
        const answer = JSON.stringify({ id });
        response.writeHead(error === undefined ? 202 : 503, { 'Content-Length': answer.length }).end(answer);
        if (error === undefined) void deliver(id, body);
      },
    });
    void commit();
  });
}

async function deliver(id: string, body: string): Promise<void> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac('sha256', signingKey).update(`${id}.${timestamp}.${body}`).digest('base64');
  const answer = await request(targets[sent++ % targets.length] ?? '', {
    dispatcher: agent,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    },
    body,
  });
  await answer.body.dump();
}

const server = createServer(take);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ kind: 'listening', port: typeof address === 'object' && address !== null ? address.port : 0 });
});
process.once('disconnect', () => process.exit());
process.once('SIGTERM', () => process.exit(0));
