/** `problem`: Posthaste does not run, or not rightly. `warning`: it runs, and somebody should look. `skipped`: could not be told. */
export type FindingStatus = 'ok' | 'warning' | 'problem' | 'skipped';

/** What one check found. */
export interface Finding {
  /** What was looked at, a stable name for programs: `redis.eviction`. */
  check: string;
  status: FindingStatus;
  message: string;
  /** What to do, where something is to be done. */
  advice?: string;
}

export const ok = (check: string, message: string): Finding => ({ check, status: 'ok', message });

export const warning = (check: string, message: string, advice: string): Finding => ({
  check,
  status: 'warning',
  message,
  advice,
});

export const problem = (check: string, message: string, advice: string): Finding => ({
  check,
  status: 'problem',
  message,
  advice,
});

export const skipped = (check: string, message: string): Finding => ({ check, status: 'skipped', message });
