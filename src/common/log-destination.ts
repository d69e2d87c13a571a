import type { OnApplicationShutdown } from '@nestjs/common';
import { pino, type DestinationStream } from 'pino';
import { standardOutput, type LogOutput } from './standard-output.js';

/** What is gathered before it goes on, in characters: as much as Docker reads at once. */
const MAX_GATHERED = 16 * 1024;

/**
 * Where log lines go: standard output, without waiting for its reader. pino's own default writes synchronously, so that a
 * pipe that nobody empties (a log collector that hangs, a terminal that is paused) would stop requests and deliveries, too.
 *
 * What is written in one turn of the event loop goes on as a whole: pino's stream measures all that waits again for each line,
 * and has a thread write it. What waits is written out when the process ends.
 */
export class LogDestination implements DestinationStream, OnApplicationShutdown {
  private lines = '';
  private readonly flushAtExit = (): void => {
    const lines = this.take();
    if (lines === '') return;
    if (this.output.writeAtExit === undefined) this.output.write(lines);
    else this.output.writeAtExit(lines);
  };

  /** @param output gets what is gathered; left out: standard output */
  constructor(private readonly output: LogOutput = defaultOutput()) {
    // Before the output's own listener, which then writes out what it has.
    process.prependListener('exit', this.flushAtExit);
  }

  /** @param line one or more, each with its line feed */
  write(line: string): void {
    if (this.lines === '') setImmediate(() => this.flush());
    this.lines += line;
    if (this.lines.length >= MAX_GATHERED) this.flush();
  }

  onApplicationShutdown(): void {
    this.flush();
    process.off('exit', this.flushAtExit);
  }

  private flush(): void {
    const lines = this.take();
    if (lines !== '') this.output.write(lines);
  }

  private take(): string {
    const { lines } = this;
    this.lines = '';
    return lines;
  }
}

/** For people on a terminal, else one JSON object a line. */
function defaultOutput(): LogOutput {
  if (!process.stdout.isTTY) return standardOutput();
  return pino.transport({ target: 'pino-pretty', options: { singleLine: true } });
}
