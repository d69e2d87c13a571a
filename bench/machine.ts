import { cpus, loadavg, release, totalmem } from 'node:os';

export interface Machine {
  cpu: string;
  cores: number;
  memoryMegabytes: number;
  /** Of one, five and fifteen minutes, before anything was started: a machine that is busy measures itself. */
  loadAverage: number[];
  system: string;
  node: string;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryMegabytes: Math.round(totalmem() / 1024 ** 2),
    loadAverage: loadavg().map((load) => Math.round(load * 100) / 100),
    system: `${process.platform} ${release()}`,
    node: process.version,
  };
}
