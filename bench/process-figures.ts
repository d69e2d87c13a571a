import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What a process and those it started have used (proc(5)). */
export interface ProcessFigures {
  /** User and system time, of children that have ended as well. */
  cpuMs: number;
  /** The most memory it ever held (VmHWM). */
  peakBytes: number;
  /** Its own memory now, without what it shares. */
  anonymousBytes: number;
  /** Shared memory that it has touched. */
  sharedBytes: number;
}

const MS_PER_TICK = 1_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Undefined for a process that is gone. */
export function figuresOf(pid: number): ProcessFigures | undefined {
  try {
    const stat = statFields(pid);
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    return {
      // Fields 14 to 17: utime, stime, cutime, cstime.
      cpuMs: stat.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * MS_PER_TICK,
      peakBytes: kilobytes('VmHWM') * 1024,
      anonymousBytes: kilobytes('RssAnon') * 1024,
      sharedBytes: kilobytes('RssShmem') * 1024,
    };
  } catch {
    return undefined;
  }
}

/** What has become of a thread's time. The rest of it the thread had nothing to do, or waited for something else than a core. */
export interface ThreadTimes {
  runningMs: number;
  /** It could have run, and another was running. */
  waitingMs: number;
}

/** Of a process's main thread since its start. Undefined for a process that is gone, and on a kernel that keeps no such account. */
export function mainThreadOf(pid: number): ThreadTimes | undefined {
  try {
    const [running = NaN, waiting = NaN] = readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ').map(Number);
    return { runningMs: running / 1e6, waitingMs: waiting / 1e6 };
  } catch {
    return undefined;
  }
}

/**
 * The processes that each of these has started and that still run. One pass over all of /proc: with the CPU time of those
 * that have ended, which the kernel adds to their parent's, none is missed and none counted twice.
 */
export function childrenOf(parents: ReadonlySet<number>): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return parents.has(Number(statFields(pid)[1]));
      } catch {
        return false;
      }
    });
}

/** CPU time of the whole machine since it was started. */
export interface MachineTimes {
  busyMs: number;
  idleMs: number;
}

export function machineTimes(): MachineTimes {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n');
  // user, nice, system, idle, iowait, irq, softirq, steal; the guests' time after these is in user already.
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  return { busyMs: (ticks.reduce((sum, n) => sum + n, 0) - idle) * MS_PER_TICK, idleMs: idle * MS_PER_TICK };
}

/** From the third field (the state) on: the second is a name in parentheses, which may hold spaces and parentheses. */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
