import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Backend } from '../../support/backends.js';
import { TestAuthority, type TestCertificate } from '../../support/certificates.js';
import { Chaos } from '../../support/chaos.js';
import { waitFor } from '../../support/processes.js';
import { answering, drip, RawReceiver, writeForEver, type Behaviour } from '../../support/raw-receiver.js';

export interface HostileReport {
  deliveries: number;
  /** Deliveries that did not end with exactly one attempt on record. */
  unbounded: number;
  longestAttemptMs: number;
  /** The worker's resident memory, in MiB: after the first round, and at its largest in those that followed. */
  memoryAfterFirstRoundMb: number;
  memoryPeakMb: number;
  /** What the attempts ended as, by receiver. */
  endings: Record<string, string>;
  /** A well-behaved receiver's events, published in the midst of it. */
  goodDelivered: number;
}

const TIMEOUT_MS = 2_000;
const PAYLOAD = { hostile: true };
const REQUEST_END = '{"hostile":true}}';
/** Below what opens a circuit. */
const EVENTS_EACH = 4;
const OK = 'HTTP/1.1 200 OK\r\n';
const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
const busy = (retryAfter: string): Behaviour =>
  answering(`HTTP/1.1 503 Busy\r\nRetry-After: ${retryAfter}\r\nContent-Length: 0\r\n\r\n`);

/** R5 of the requirements; `connected` acts without waiting for a request. */
const HOSTILE: Record<string, { behave: Behaviour; when?: 'connected' }> = {
  'floods with 102': { behave: (socket) => writeForEver(socket, 'HTTP/1.1 102 More\r\n\r\n') },
  'floods with 100': { behave: (socket) => writeForEver(socket, 'HTTP/1.1 100 Continue\r\n\r\n') },
  'drips header lines': { behave: start(OK, 'a: b\r\n') },
  'drips its body': { behave: start(`${OK}Content-Length: 10000\r\n\r\n`, 'x') },
  'endless body': {
    behave: (socket) => {
      socket.write(`${OK}\r\n`);
      writeForEver(socket, Buffer.alloc(64 * 1024, 'x'));
    },
  },
  'gzip bomb': { behave: answering(`${OK}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`, bomb) },
  'headers of 40 KB': { behave: answering(`${OK}${`x-fill: ${'y'.repeat(992)}\r\n`.repeat(40)}\r\n`) },
  'body shorter than said': { behave: (socket) => socket.end(`${OK}Content-Length: 100\r\n\r\nshort`) },
  'body longer than said': { behave: answering(`${OK}Content-Length: 2\r\n\r\nokHTTP/1.1 500 Smuggled\r\n\r\n`) },
  'speaks SSH': { behave: answering('SSH-2.0-OpenSSH_9.6\r\n') },
  'redirects to metadata': {
    behave: answering(
      'HTTP/1.1 307 Go\r\nLocation: http://169.254.169.254/latest/meta-data/\r\nContent-Length: 0\r\n\r\n',
    ),
  },
  'Retry-After 1e9': { behave: busy('1e9') },
  'Retry-After 1000000000': { behave: busy('1000000000') },
  'Retry-After -5': { behave: busy('-5') },
  'Retry-After a date far away': { behave: busy('Fri, 31 Dec 9999 23:59:59 GMT') },
  'closes at once': { behave: (socket) => void socket.end(), when: 'connected' },
  'resets at once': { behave: (socket) => void socket.resetAndDestroy(), when: 'connected' },
  'never answers': { behave: () => undefined },
};

function start(head: string, piece: string): Behaviour {
  return (socket) => {
    socket.write(head);
    drip(socket, piece);
  };
}

/** Every hostile receiver at once, several times over, each time with endpoints that are new and so have no circuit yet. */
export async function meetHostileReceivers(backend: Backend, rounds: number): Promise<HostileReport> {
  const receivers = await Promise.all(
    Object.entries(HOSTILE).map(async ([name, { behave, when }]) => {
      return [name, await RawReceiver.start(behave, REQUEST_END, when)] as const;
    }),
  );
  const authority = new TestAuthority();
  const certificates: Record<string, TestCertificate> = {
    'certificate of another host': authority.certificateFor('another.example'),
    'certificate that has expired': authority.certificateFor('expired.example', {
      address: '127.0.0.1',
      endDate: '20200102000000Z',
    }),
  };
  const secureServers = await Promise.all(
    Object.entries(certificates).map(async ([name, certificate]) => [name, await startSecure(certificate)] as const),
  );
  try {
    const urls: [string, string][] = [
      ...receivers.map(([name, { url }]): [string, string] => [name, url]),
      ...secureServers.map(([name, server]): [string, string] => [name, secureUrl(server)]),
    ];
    // Trusted, so that it is the host and the date that are refused.
    const env = { EXTRA_CA_FILE: authority.certificateFile };
    return await Chaos.run({ backend, env }, (chaos) => run(chaos, urls, rounds));
  } finally {
    for (const [, server] of secureServers) server.close().closeAllConnections();
    await Promise.all(receivers.map(([, receiver]) => receiver.close()));
    authority.remove();
  }
}

async function run(chaos: Chaos, urls: [string, string][], rounds: number): Promise<HostileReport> {
  const pid = chaos.posthaste.workers[0]?.pid ?? 0;
  const names = new Map<string, string>();
  let memoryAfterFirstRoundMb = 0;
  let memoryPeakMb = 0;
  const [good] = await chaos.createTenants(1, 'good');
  if (good === undefined) throw new Error('No tenant');
  const goodIds: string[] = [];
  for (let round = 1; round <= rounds; round++) {
    // A tenant a round, with a publish for each of its endpoints: a hostile one shares its tenant with all the others.
    const tenant = await chaos.posthaste.operator.createTenant({ rate_limit: null });
    const retry_policy = { max_attempts: 1, schedule_seconds: [0] };
    for (const [name, url] of urls)
      names.set((await tenant.createEndpoint(url, { timeout_ms: TIMEOUT_MS, retry_policy })).id, name);
    for (let n = 0; n < EVENTS_EACH; n++) await tenant.publish({ payload: PAYLOAD });
    goodIds.push((await good.publish()).id);
    const settled = async (): Promise<boolean> => {
      const memoryMb = residentMb(pid);
      if (round > 1) memoryPeakMb = Math.max(memoryPeakMb, memoryMb);
      return (await chaos.countPending()) === 0;
    };
    await waitFor(settled, { timeoutMs: 120_000, what: 'every attempt to end' });
    if (round === 1) memoryAfterFirstRoundMb = residentMb(pid);
  }
  const rows = await chaos.query<{ endpoint_id: string; attempts: number; ms: number; ending: string; ok: boolean }>(
    `SELECT d.endpoint_id, count(a.id)::int AS attempts, max(a.duration_ms) AS ms,
       coalesce(max(a.error), max(a.outcome)) AS ending, d.status IN ('succeeded', 'dead_letter') AS ok
     FROM deliveries d LEFT JOIN delivery_attempts a ON a.delivery_id = d.id GROUP BY d.id, d.endpoint_id, d.status`,
  );
  const hostile = rows.filter(({ endpoint_id }) => names.has(endpoint_id));
  return {
    deliveries: hostile.length,
    unbounded: hostile.filter(({ attempts, ok }) => attempts !== 1 || !ok).length,
    longestAttemptMs: Math.max(...hostile.map(({ ms }) => ms)),
    memoryAfterFirstRoundMb,
    memoryPeakMb,
    endings: Object.fromEntries(hostile.map(({ endpoint_id, ending }) => [names.get(endpoint_id) ?? '', ending])),
    goodDelivered: goodIds.filter((id) => chaos.ledger.deliveredAt.has(id)).length,
  };
}

const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;

async function startSecure(certificate: TestCertificate): Promise<Server> {
  const server = createServer(certificate, (_request, response) => response.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const secureUrl = (server: Server): string => `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
