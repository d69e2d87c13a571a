import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { AddressRules } from '../../src/sending/address-rules.js';
import { AttemptSender } from '../../src/sending/attempt-sender.js';
import { createGuardedAgent } from '../../src/sending/guarded-agent.js';

/** Answers in a thread of its own, so that it does while the test's own thread stands still. */
const RECEIVER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const server = require('node:http').createServer((request, response) => {
    request.resume().on('end', () => {
      Atomics.add(workerData.requests, 0, 1);
      if (workerData.answers) setTimeout(() => response.end('ok'), 100);
    });
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

const TIMEOUT_MS = 500;
const rules = new AddressRules({ allowedPrivateCidrs: ['127.0.0.0/8'], httpsOnly: false });
let receiver: Worker;
let sender: AttemptSender;
let requests: Int32Array;

async function startReceiver(answers: boolean): Promise<string> {
  requests = new Int32Array(new SharedArrayBuffer(4));
  receiver = new Worker(RECEIVER, { eval: true, workerData: { answers, requests } });
  const [port] = (await once(receiver, 'message')) as [number];
  sender = new AttemptSender(rules, createGuardedAgent({ rules }));
  return `http://127.0.0.1:${port}/`;
}

afterEach(async () => {
  await sender.close();
  await receiver.terminate();
});

const standStill = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

const attempt = (url: string): ReturnType<AttemptSender['send']> =>
  sender.send({ url, headers: { 'webhook-id': 'evt-1' }, body: Buffer.from('{}'), timeoutMs: TIMEOUT_MS });

/** Until the receiver has the request: its answer comes 100 ms later, while this thread stands still. */
async function untilRequested(): Promise<void> {
  while (Atomics.load(requests, 0) === 0) await new Promise((resolve) => setImmediate(resolve));
}

describe('a process that stood still past the deadline of its attempts', () => {
  it('takes the answer that was there in time', async () => {
    const result = attempt(await startReceiver(true));
    await untilRequested();
    standStill(TIMEOUT_MS * 2);
    expect(await result).toMatchObject({ outcome: 'succeeded', statusCode: 200 });
  });

  it('still counts the lack of an answer as a timeout', async () => {
    const result = attempt(await startReceiver(false));
    await untilRequested();
    standStill(TIMEOUT_MS * 2);
    expect(await result).toMatchObject({ outcome: 'failed', error: { code: 'timeout' } });
  });
});
