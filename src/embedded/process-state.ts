import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from './launch-error.js';

interface ProcStat {
  command: string;
  state: string;
  /** Clock ticks since boot at which the process began: with the pid it names a process for good. */
  startTicks: string;
}

/** Linux only (proc(5)); undefined elsewhere and for a process that is gone. */
function readProcStat(pid: number): ProcStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command is in parentheses and may itself hold spaces and parentheses: count fields from the last one.
    const end = text.lastIndexOf(')');
    const fields = text.slice(end + 2).split(' ');
    return { command: text.slice(text.indexOf('(') + 1, end), state: fields[0] ?? '', startTicks: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

/** Whether a process runs, whoever owns it. A zombie counts as ended: in containers nobody may ever reap it. */
export function processIsAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== 'EPERM') return false;
  }
  return readProcStat(pid)?.state !== 'Z';
}

/** The kernel's name of a process (at most 15 characters); undefined where there is no /proc. */
export function processCommand(pid: number): string | undefined {
  return readProcStat(pid)?.command;
}

/** When a process began, in clock ticks since boot; an empty string where there is no /proc. */
export function processStartTicks(pid: number): string {
  return readProcStat(pid)?.startTicks ?? '';
}

/** Polls until the process has ended. Answers false when it is still there after `timeoutMs`. */
export async function waitForExit(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (processIsAlive(pid)) {
    if (Date.now() >= deadline) return false;
    await delay(20);
  }
  return true;
}

/** Sends a signal; a process that is gone already is none of the caller's trouble. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}
