import { type Accepted, isClean, reconcile, type Reconciliation } from './reconcile.js';
import { complaints } from './run-record.js';
import type { ReceivedRequests } from './wire.js';

const ID_A = '0199e0f0-5a7c-7b52-8a51-00000000000a';
const ID_B = '0199e0f0-5a7c-7b52-8a51-00000000000b';
const ID_C = '0199e0f0-5a7c-7b52-8a51-00000000000c';
/** Tenant 0 has one endpoint, tenant 1 two. */
const ENDPOINTS = [[0], [1, 2]];

const accepted = (...events: [id: string, tenant: number][]): Accepted => ({
  ids: Buffer.from(events.map(([id]) => id).join('')),
  tenants: Uint32Array.from(events, ([, tenant]) => tenant),
  sentAt: Float64Array.from(events, () => 100),
  acceptedAt: Float64Array.from(events, () => 110),
});

type Request = [id: string, endpoint: number, more?: { status?: number; valid?: boolean; at?: number }];

const received = (...requests: Request[]): ReceivedRequests => ({
  ids: Buffer.from(requests.map(([id]) => id.padEnd(36)).join('')),
  endpoints: Uint32Array.from(requests, ([, endpoint]) => endpoint),
  statuses: Uint16Array.from(requests, ([, , more]) => more?.status ?? 200),
  valid: Uint8Array.from(requests, ([, , more]) => (more?.valid === false ? 0 : 1)),
  firstByteAt: Float64Array.from(requests, ([, , more]) => more?.at ?? 115),
});

const BOTH = accepted([ID_A, 0], [ID_B, 1]);
const ALL: Request[] = [
  [ID_A, 0],
  [ID_B, 1],
  [ID_B, 2],
];

const verdictOn = (events: Accepted, ...requests: Request[]): Reconciliation =>
  reconcile(events, received(...requests), ENDPOINTS).verdict;

describe('reconciling what arrived with what was accepted', () => {
  it('is content when each event came once to each endpoint of its tenant', () => {
    const verdict = verdictOn(BOTH, ...ALL);
    expect(verdict).toMatchObject({ events: 2, expected: 3, delivered: 3, lost: 0, duplicates: 0, unexpected: 0 });
    expect(isClean(verdict)).toBe(true);
    expect(complaints(verdict)).toEqual([]);
  });

  it.each<[string, Partial<Reconciliation>, Accepted, Request[], string]>([
    ['an event that came to one endpoint of two', { lost: 1 }, BOTH, ALL.slice(0, 2), `${ID_B} never arrived`],
    ['an event that never came', { lost: 1 }, BOTH, ALL.slice(1), `${ID_A} never arrived`],
    [
      'an event that only ever failed',
      { lost: 1, failedOnPurpose: 1 },
      accepted([ID_A, 0]),
      [[ID_A, 0, { status: 500 }]],
      ID_A,
    ],
    ['an event that came twice', { duplicates: 1 }, BOTH, [...ALL, [ID_B, 2]], `${ID_B} came to endpoint 2 again`],
    ['an event that nobody published', { unexpected: 1 }, BOTH, [...ALL, [ID_C, 0]], `${ID_C} came to endpoint 0`],
    [
      "an event at another tenant's endpoint",
      { unexpected: 1 },
      BOTH,
      [...ALL, [ID_A, 1]],
      `${ID_A} came to endpoint 1`,
    ],
    [
      'a request astray',
      { unexpected: 1, badSignatures: 1 },
      BOTH,
      [...ALL, ['', 0xffff_ffff, { valid: false }]],
      'endpoint 4294967295',
    ],
    ['a wrong signature', { badSignatures: 1 }, BOTH, [[ID_A, 0, { valid: false }], ...ALL.slice(1)], 'signature'],
    [
      'a wrong signature on a failed attempt',
      { badSignatures: 1 },
      BOTH,
      [[ID_A, 0, { valid: false, status: 500 }], ...ALL],
      'signature',
    ],
    [
      'an id that was given twice',
      { repeatedIds: 1 },
      accepted([ID_A, 0], [ID_A, 0]),
      [[ID_A, 0]],
      `${ID_A} was accepted twice`,
    ],
  ])('notices %s', (_what, expected, events, requests, words) => {
    const verdict = verdictOn(events, ...requests);
    expect(verdict).toMatchObject(expected);
    expect(isClean(verdict)).toBe(false);
    expect(complaints(verdict).join('\n')).toContain(words);
  });

  it('lets attempts fail before the one that succeeds', () => {
    const verdict = verdictOn(accepted([ID_A, 0]), [ID_A, 0, { status: 500 }], [ID_A, 0, { status: 500 }], [ID_A, 0]);
    expect(verdict).toMatchObject({ delivered: 1, failedOnPurpose: 2 });
    expect(isClean(verdict)).toBe(true);
  });

  it('times arrivals by the first success; one that overtakes its answer took no time', () => {
    const requests: Request[] = [
      [ID_A, 0, { at: 108 }],
      [ID_B, 2, { status: 500, at: 112 }],
      [ID_B, 2, { at: 130 }],
      [ID_B, 1, { at: 120 }],
    ];
    const { arrivals } = reconcile(BOTH, received(...requests), ENDPOINTS);
    expect([...arrivals.events]).toEqual([0, 1, 1]);
    expect([...arrivals.endpoints]).toEqual([0, 2, 1]);
    expect([...arrivals.fromAccept]).toEqual([0, 20, 10]);
    expect([...arrivals.fromSend]).toEqual([8, 30, 20]);
  });

  it('shows a few examples, however much is wrong', () => {
    const requests = Array.from({ length: 100 }, (): Request => [ID_C, 0]);
    expect(verdictOn(BOTH, ...ALL, ...requests)).toMatchObject({ unexpected: 100, examples: { length: 5 } });
  });
});
