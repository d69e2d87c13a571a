import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { eventTemplate } from '../../bench/generator/event-request.js';
import { Load } from '../../bench/generator/load.js';
import type { LoadPlan, LoadResult } from '../../bench/wire.js';
import { newId } from '../../src/common/ids.js';
import { parsePublishRequest } from '../../src/events/publish-request.js';

interface Answer {
  status: number;
  afterMs?: number;
}

describe("the benchmark's load", () => {
  let server: Server;
  let answerTo: (nth: number) => Answer;
  let bodies: Buffer[];
  let ids: string[];

  beforeEach(async () => {
    bodies = [];
    ids = [];
    answerTo = () => ({ status: 202 });
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { status, afterMs = 0 } = answerTo(bodies.push(Buffer.concat(chunks)));
        void delay(afterMs).then(() => {
          if (status === 0) {
            response.destroy();
            return;
          }
          const id = newId();
          if (status === 202) ids.push(id);
          const body = JSON.stringify({ id, event_id: null });
          response.writeHead(status, { 'content-length': body.length }).end(body);
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const planOf = (plan: Partial<LoadPlan>): LoadPlan => ({
    host: '127.0.0.1',
    ports: [(server.address() as AddressInfo).port],
    connections: 4,
    templates: [eventTemplate('key-a'), eventTemplate('key-b')],
    seconds: 0.3,
    fanOut: 1,
    ...plan,
  });
  const idsOf = ({ accepted }: LoadResult): string[] => Buffer.from(accepted.ids).toString().match(/.{36}/g) ?? [];

  it('knows the id of every event that was answered 202, each of which is a valid request', async () => {
    const result = await new Load(planOf({})).run();
    expect(ids.length).toBeGreaterThan(10);
    expect(idsOf(result).sort()).toEqual([...ids].sort());
    expect(result.refused).toEqual({});
    expect(bodies.filter((body) => !parsePublishRequest(body).ok)).toEqual([]);
    expect(new Set(bodies.map(String)).size).toBe(bodies.length);
  });

  it('counts what is refused, and what gets no answer, and goes on', async () => {
    answerTo = (nth) => ({ status: nth === 2 ? 429 : nth === 5 ? 0 : 202 });
    const result = await new Load(planOf({ outstanding: 10, fanOut: 0 })).run();
    expect(result.refused).toEqual({ '429': 1, '0': 1 });
    expect(bodies.length).toBeGreaterThan(10);
    expect(result.accepted.tenants.length).toBe(bodies.length - 2);
  });

  it('pauses while so many deliveries are under way, and goes on as they arrive', async () => {
    const load = new Load(planOf({ outstanding: 20, fanOut: 10, seconds: 1 }));
    const done = load.run();
    while (load.accepted < 2) await delay(5);
    // Twenty are under way: two events of ten deliveries. Only what arrives makes room.
    load.noteDelivered(10);
    const { accepted } = await done;
    expect(accepted.tenants.length).toBe(3);
  });

  it('at a fixed rate sends all that is due, and a stall is seen by all who would have come meanwhile', async () => {
    answerTo = (nth) => ({ status: 202, afterMs: nth === 1 ? 400 : 0 });
    const { accepted } = await new Load(planOf({ connections: 1, ratePerSecond: 100, seconds: 0.5 })).run();
    expect(accepted.tenants.length).toBe(50);
    const times = accepted.acceptedAt.map((at, n) => at - (accepted.sentAt[n] ?? 0));
    // The first takes 400 ms, and those due 10, 20, … ms later have waited that much less when it is over.
    const waited = [...times].filter((time) => time > 95);
    expect(waited.length).toBeGreaterThanOrEqual(30);
    expect(times[10] ?? 0).toBeGreaterThan(295);
  });
});
