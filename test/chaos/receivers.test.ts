import { describeBackends } from '../support/backends.js';
import { printCase } from '../support/chaos-report.js';
import { stopAllProcesses } from '../support/processes.js';
import { meetHostileReceivers } from './cases/hostile-receivers.js';
import { measureNeighbour } from './cases/noisy-neighbour.js';
import { takeReceiverDown } from './cases/receiver-outage.js';

jest.setTimeout(900_000);
afterAll(stopAllProcesses);

describeBackends('receivers', (backend) => {
  it('get everything after an outage of 60 s, during which few requests are made', async () => {
    const perSecond = 25;
    const report = await takeReceiverDown(backend, { events: 2_000, perSecond, downMs: 60_000 });
    const { probes, transitions, deadLetters } = report;
    printCase(`receiver down for 60 s [${backend}]`, report, { probes, transitions, deadLetters });
    expect(report).toMatchObject({ accepted: 2_000, lost: 0, duplicates: 0, deadLetters: 0 });
    expect(transitions[0]).toBe('open');
    expect(transitions.at(-1)).toBe('closed');
    // Ten seconds' worth of events, each with up to three retries in that time, and what was under way meanwhile.
    expect(report.failedAttempts).toBeLessThanOrEqual(10 * perSecond * 4 + 100);
    expect(probes).toBeLessThanOrEqual(5);
  });

  it.each([
    ['hang', 50_000, 20_000],
    ['are fast', 200_000, 0],
  ])('that %s hold nobody else up, however many deliveries wait for them', async (what, backlog, answerMs) => {
    const report = await measureNeighbour({ backend, backlog, answerMs, quietEvents: 300 });
    process.stdout.write(`chaos | noisy neighbour whose receivers ${what} [${backend}] | ${JSON.stringify(report)}\n`);
    // It was a backlog all the while.
    expect(report.backlogAfter).toBeGreaterThan(1_000);
    expect(report.beside.p99Ms).toBeLessThan(1_000);
    expect(report.beside.p99Ms).toBeLessThan(Math.max(2 * report.alone.p99Ms, 100));
  });

  it('that are hostile get one bounded attempt each, and cost no memory', async () => {
    const rounds = 10;
    const report = await meetHostileReceivers(backend, rounds);
    process.stdout.write(`chaos | hostile receivers [${backend}] | ${JSON.stringify(report)}\n`);
    expect(report).toMatchObject({ unbounded: 0, goodDelivered: rounds });
    expect(report.endings).toMatchObject({
      'certificate of another host': 'no trusted TLS connection (ERR_TLS_CERT_ALTNAME_INVALID)',
      'certificate that has expired': 'no trusted TLS connection (CERT_HAS_EXPIRED)',
    });
    expect(report.longestAttemptMs).toBeLessThan(3_000);
    expect(report.memoryPeakMb).toBeLessThan(report.memoryAfterFirstRoundMb * 1.5 + 50);
  });
});
