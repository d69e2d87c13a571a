const COUNT = new Intl.NumberFormat();
const COMPACT = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });

/** Exact up to 9,999, then rounded: 12.3K. */
export function formatCount(count: number): string {
  return count < 10_000 ? COUNT.format(count) : COMPACT.format(count);
}

export function formatExact(count: number): string {
  return COUNT.format(count);
}

/** `1 attempt`, `2 attempts`. */
export function formatNumberOf(count: number, noun: string): string {
  return `${COUNT.format(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A share from 0 to 1. Never rounded up to 100 %: one failure in a million is a failure. */
export function formatShare(share: number | null): string {
  if (share === null) return '–';
  const percent = Math.floor(share * 1_000) / 10;
  return `${percent === 100 ? '100' : percent.toFixed(1)}%`;
}

export function formatDuration(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = seconds / 60;
  if (minutes < 120) return `${Math.round(minutes)} min`;
  const hours = minutes / 60;
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} d`;
}

const NAMED: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

export function formatRelative(at: Date, now: Date): string {
  const seconds = Math.round((at.getTime() - now.getTime()) / 1_000);
  const [unit, size] = NAMED.find(([, unitSeconds]) => Math.abs(seconds) >= unitSeconds) ?? ['second', 1];
  return RELATIVE.format(Math.trunc(seconds / size), unit);
}
