import {
  childrenOf,
  figuresOf,
  machineTimes,
  mainThreadOf,
  type MachineTimes,
  type ThreadTimes,
} from './process-figures.js';

/** The parts of the machine's work that are told apart. */
export const PARTS = ['api', 'worker', 'postgres', 'redis', 'generator', 'receiver'] as const;
export type Part = (typeof PARTS)[number];

export type Pids = Readonly<Record<Part, readonly number[]>>;
export type CpuTimes = Record<Part, number>;

export interface Reading {
  /** In milliseconds, on the monotonic clock. */
  at: number;
  parts: CpuTimes;
  /** By process, in their order; none for PostgreSQL, whose first process only starts the others. */
  mainThreads: Record<Part, (ThreadTimes | undefined)[]>;
  /** Of this process, which watches. */
  benchMs: number;
  machine: MachineTimes;
}

const SAMPLE_MS = 1_000;

/** CPU time and memory of all that runs, by part. Linux only. */
export class Meter {
  private readonly peaks: Partial<Record<Part, number>> = {};
  private readonly sampler: NodeJS.Timeout;

  constructor(private readonly pids: Pids) {
    // PostgreSQL's processes come and go and share most of their memory: no counter of the kernel has their sum's peak.
    this.sampler = setInterval(() => this.sampleMemory(), SAMPLE_MS);
    this.sampleMemory();
  }

  /** CPU time so far, in milliseconds. */
  reading(): Reading {
    const own = process.cpuUsage();
    return {
      at: performance.now(),
      mainThreads: forParts((part) => (part === 'postgres' ? [] : this.pids[part].map(mainThreadOf))),
      parts: forParts((part) => this.figures(part).reduce((sum, { cpuMs }) => sum + cpuMs, 0)),
      benchMs: (own.user + own.system) / 1_000,
      machine: machineTimes(),
    };
  }

  /**
   * The most memory held so far: of the largest process where a part has several, but for PostgreSQL, whose processes count
   * together (their own memory, and what they share once).
   */
  peakBytes(): Record<Part, number> {
    this.sampleMemory();
    return forParts((part) => this.peaks[part] ?? 0);
  }

  stop(): void {
    clearInterval(this.sampler);
  }

  private sampleMemory(): void {
    for (const part of PARTS) {
      const figures = part === 'postgres' ? this.figures(part) : ownFigures(this.pids[part]);
      const now =
        part === 'postgres'
          ? figures.reduce((sum, { anonymousBytes }) => sum + anonymousBytes, 0) + largest(figures, 'sharedBytes')
          : largest(figures, 'peakBytes');
      this.peaks[part] = Math.max(this.peaks[part] ?? 0, now);
    }
  }

  private figures(part: Part): NonNullable<ReturnType<typeof figuresOf>>[] {
    const parents = this.pids[part];
    return parents.length === 0 ? [] : ownFigures([...parents, ...childrenOf(new Set(parents))]);
  }
}

const ownFigures = (pids: readonly number[]): NonNullable<ReturnType<typeof figuresOf>>[] =>
  pids.map(figuresOf).filter((figures) => figures !== undefined);

const largest = (
  figures: readonly NonNullable<ReturnType<typeof figuresOf>>[],
  name: 'sharedBytes' | 'peakBytes',
): number => figures.reduce((most, one) => Math.max(most, one[name]), 0);

export const forParts = <Value>(valueOf: (part: Part) => Value): Record<Part, Value> =>
  Object.fromEntries(PARTS.map((part) => [part, valueOf(part)])) as Record<Part, Value>;
