import type { LedgerCount } from './ledger.js';

/** What every case tells, and what else it has to say. */
export interface CaseReport extends LedgerCount {
  /** From the end of publishing until nothing was left to do. */
  settleMs: number;
  /** Attempts without an answer in time. Each was made again by right. */
  failedAttempts: number;
  /** How many of them by what was recorded of them. */
  failures: Record<string, number>;
}

/** One line a case, straight to the terminal: jest would wrap it in a stack. */
export function printCase(name: string, report: CaseReport, further: Record<string, unknown> = {}): void {
  const { accepted, delivered, duplicates, lost, unacknowledged, settleMs, failedAttempts, failures } = report;
  const figures: Record<string, unknown> = {
    accepted,
    delivered,
    duplicates,
    lost,
    ...(unacknowledged > 0 ? { unacknowledged } : {}),
    ...(failedAttempts > 0 ? { 'failed attempts': failedAttempts, failures } : {}),
    settled: `${(settleMs / 1_000).toFixed(1)} s`,
    ...further,
  };
  const text = Object.entries(figures).map(([key, value]) => `${key} ${format(value)}`);
  process.stdout.write(`chaos | ${name} | ${text.join(', ')}\n`);
}

function format(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value * 10) / 10);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
