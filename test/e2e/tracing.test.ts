import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { describeBackends } from '../support/backends.js';
import { HookServer } from '../support/hook-server.js';
import { startPosthaste, type Posthaste } from '../support/posthaste.js';
import { waitFor } from '../support/processes.js';

interface ExportedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  status: { code?: number };
}
interface Export {
  resourceSpans: { scopeSpans: { spans: ExportedSpan[] }[] }[];
}

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER_SPAN = '00f067aa0ba902b7';

describeBackends('traces over OTLP', (backend) => {
  const spans: ExportedSpan[] = [];
  let collector: Server;
  let posthaste: Posthaste;
  let hooks: HookServer;
  beforeAll(async () => {
    collector = createServer((request, response) => {
      void json(request).then((body) => {
        for (const { scopeSpans } of (body as Export).resourceSpans)
          spans.push(...scopeSpans.flatMap((scope) => scope.spans));
        response.setHeader('content-type', 'application/json').end('{}');
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    hooks = await HookServer.start();
    posthaste = await startPosthaste({
      backend,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_BSP_SCHEDULE_DELAY: '200' },
    });
  });
  afterAll(async () => {
    await posthaste?.stop();
    await hooks?.close();
    collector?.close();
    collector?.closeAllConnections();
  });

  it('make one tree of publish, commit, enqueue, delivery and attempt, which the receiver carries on', async () => {
    const acme = await posthaste.operator.createTenant();
    hooks.respond('/traced', () => ({ status: 410 }));
    await acme.createEndpoint(hooks.url('/traced'));
    await acme.call('POST', '/events', {
      body: { event_type: 'order.created', payload: {} },
      headers: { traceparent: `00-${TRACE_ID}-${CALLER_SPAN}-01` },
    });
    const [hook] = await hooks.waitForRequests('/traced', 1);
    await waitFor(() => spans.length >= 5, { what: 'the spans' });

    expect(spans.map(({ name }) => name).sort()).toEqual(['attempt', 'commit', 'deliver', 'enqueue', 'publish']);
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE_ID]));
    const of = (name: string): ExportedSpan => spans.find((span) => span.name === name) as ExportedSpan;
    const { spanId: publish } = of('publish');
    expect(of('publish').parentSpanId).toBe(CALLER_SPAN);
    expect(of('commit').parentSpanId).toBe(publish);
    expect(of('enqueue').parentSpanId).toBe(publish);
    expect(of('deliver').parentSpanId).toBe(publish);
    expect(of('attempt').parentSpanId).toBe(of('deliver').spanId);
    expect(of('attempt').status.code).toBe(2);
    expect(hook?.headers.traceparent).toBe(`00-${TRACE_ID}-${of('attempt').spanId}-01`);
  });

  it('have a retry in the trace of its event, and its receiver told of the new attempt', async () => {
    const trace = 'a'.repeat(32);
    const acme = await posthaste.operator.createTenant();
    hooks.respond('/again', (request) => ({ status: request.headers['webhook-attempt'] === '1' ? 500 : 200 }));
    await acme.createEndpoint(hooks.url('/again'), {
      retry_policy: { max_attempts: 2, schedule_seconds: [0, 1], jitter: 0 },
    });
    await acme.call('POST', '/events', {
      body: { event_type: 'order.created', payload: {} },
      headers: { traceparent: `00-${trace}-${CALLER_SPAN}-01` },
    });
    const received = await hooks.waitForRequests('/again', 2);
    const of = (name: string): ExportedSpan[] =>
      spans
        .filter((span) => span.traceId === trace && span.name === name)
        .sort((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)));
    await waitFor(() => of('deliver').length === 2, { what: 'the spans of both attempts' });
    const [publish] = of('publish');
    const attempts = of('attempt');
    expect(of('deliver').map(({ parentSpanId }) => parentSpanId)).toEqual([publish?.spanId, publish?.spanId]);
    expect(attempts.map(({ parentSpanId }) => parentSpanId)).toEqual(of('deliver').map(({ spanId }) => spanId));
    // OpenTelemetry's STATUS_CODE_ERROR is 2, and nothing is said of what went well.
    expect(attempts.map(({ status }) => status.code === 2)).toEqual([true, false]);
    expect(received.map(({ headers }) => headers.traceparent)).toEqual(
      attempts.map(({ spanId }) => `00-${trace}-${spanId}-01`),
    );
  });
});
