import fc from 'fast-check';
import { gateOf, hasFailedTooLong, NEW_CIRCUIT, nextCircuit, type Circuit, type Observation } from './circuit.js';

const T = 1_000_000_000;
const SECOND = 1_000;

const failures = (count: number, options: Partial<Observation> = {}): Observation => ({
  lastSuccessAt: null,
  succeeded: false,
  failures: count,
  failedDeliveryIds: [],
  ...options,
});
const success = (at: number, failuresAfter = 0): Observation => ({
  lastSuccessAt: at,
  succeeded: true,
  failures: failuresAfter,
  failedDeliveryIds: [],
});
const opened = nextCircuit(NEW_CIRCUIT, failures(5), T);
const probing = (circuit: Circuit): Circuit => ({ ...circuit, state: 'half_open', probeDeliveryId: 'probe' });

describe('a closed circuit', () => {
  it('opens for 30 seconds after five failures in a row', () => {
    const four = nextCircuit(NEW_CIRCUIT, failures(4), T);
    expect(four).toMatchObject({ state: 'closed', consecutiveFailures: 4, failingSince: T });
    expect(nextCircuit(four, failures(1), T + SECOND)).toMatchObject({
      state: 'open',
      consecutiveFailures: 5,
      openedAt: T + SECOND,
      nextProbeAt: T + 31 * SECOND,
    });
  });

  it('stays closed while there was a success in the last ten seconds, and opens with the next failure after', () => {
    const circuit = nextCircuit(nextCircuit(NEW_CIRCUIT, success(T), T), failures(20), T + 9_999);
    expect(circuit.state).toBe('closed');
    expect(nextCircuit(circuit, failures(1), T + 10_000).state).toBe('open');
  });

  it('believes a success that only this worker knew of', () => {
    expect(nextCircuit(NEW_CIRCUIT, failures(9, { lastSuccessAt: T - SECOND }), T).state).toBe('closed');
  });

  it('counts anew after a success', () => {
    const circuit = nextCircuit(nextCircuit(NEW_CIRCUIT, failures(4), T), success(T + SECOND, 1), T + SECOND);
    expect(circuit).toMatchObject({ consecutiveFailures: 1, failingSince: T + SECOND });
    expect(nextCircuit(circuit, success(T + 2 * SECOND), T + 2 * SECOND)).toMatchObject({
      consecutiveFailures: 0,
      failingSince: null,
    });
  });

  it('never opens for an endpoint that succeeds at least every ten seconds, however often it fails', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ failures: fc.nat(50), gapMs: fc.integer({ min: 1, max: 9_000 }) })),
        (rounds) => {
          let circuit = nextCircuit(NEW_CIRCUIT, success(T), T);
          let now = T;
          for (const round of rounds) {
            circuit = nextCircuit(circuit, failures(round.failures), now + round.gapMs / 2);
            expect(circuit.state).toBe('closed');
            now += round.gapMs;
            circuit = nextCircuit(circuit, success(now), now);
          }
        },
      ),
    );
  });
});

describe('an open circuit', () => {
  it('is not moved by failures of attempts that were under way', () => {
    expect(nextCircuit(opened, failures(30), T + SECOND)).toMatchObject({
      state: 'open',
      nextProbeAt: opened.nextProbeAt,
      openSeconds: 30,
    });
  });

  it('doubles its time with each probe that fails, up to five minutes, and remembers when it opened', () => {
    let circuit = opened;
    const waits: number[] = [];
    for (let now = T + 60 * SECOND; waits.length < 6; now += 600 * SECOND) {
      circuit = nextCircuit(probing(circuit), failures(1, { failedDeliveryIds: ['probe'] }), now);
      waits.push(circuit.openSeconds);
      expect(circuit).toMatchObject({ state: 'open', openedAt: T, nextProbeAt: now + circuit.openSeconds * SECOND });
    }
    expect(waits).toEqual([60, 120, 240, 300, 300, 300]);
  });

  it('waits for its probe, whatever becomes of others', () => {
    const circuit = nextCircuit(probing(opened), failures(1, { failedDeliveryIds: ['other'] }), T + 60 * SECOND);
    expect(circuit.state).toBe('half_open');
  });

  it('closes with a success, and opens for 30 seconds again the next time', () => {
    const closed = nextCircuit(probing(opened), success(T + 40 * SECOND), T + 40 * SECOND);
    expect(closed).toMatchObject({ state: 'closed', consecutiveFailures: 0, openedAt: null, nextProbeAt: null });
    expect(nextCircuit(closed, failures(5), T + 60 * SECOND)).toMatchObject({ state: 'open', openSeconds: 30 });
  });
});

describe('giving an endpoint up', () => {
  const DAY = 24 * 3_600 * SECOND;

  it('takes failures over the whole time and more than a few of them', () => {
    const circuit = nextCircuit(nextCircuit(NEW_CIRCUIT, failures(4), T), failures(1), T + 5 * DAY - 1);
    expect(hasFailedTooLong(circuit, 5 * DAY, T + 5 * DAY - 1)).toBe(false);
    expect(hasFailedTooLong(circuit, 5 * DAY, T + 5 * DAY)).toBe(true);
    expect(hasFailedTooLong({ ...circuit, consecutiveFailures: 4 }, 5 * DAY, T + 5 * DAY)).toBe(false);
    expect(hasFailedTooLong(NEW_CIRCUIT, 5 * DAY, T)).toBe(false);
  });
});

describe('the gate before an attempt', () => {
  it.each([
    [{ state: null, probeDeliveryId: null, probeDue: false }, 'pass'],
    [{ state: 'closed', probeDeliveryId: null, probeDue: false }, 'pass'],
    [{ state: 'open', probeDeliveryId: null, probeDue: false }, 'hold'],
    [{ state: 'open', probeDeliveryId: null, probeDue: true }, 'claim'],
    [{ state: 'half_open', probeDeliveryId: 'me', probeDue: false }, 'pass'],
    [{ state: 'half_open', probeDeliveryId: 'other', probeDue: false }, 'hold'],
    [{ state: 'half_open', probeDeliveryId: 'other', probeDue: true }, 'claim'],
  ] as const)('%j: %s', (view, gate) => {
    expect(gateOf(view, 'me')).toBe(gate);
  });
});
