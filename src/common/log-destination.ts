import type { OnApplicationShutdown } from '@nestjs/common';
import { pino, type DestinationStream } from 'pino';

/** What may wait for a reader, in bytes; lines beyond it are dropped. Some thousands of lines. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
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
  private readonly flushAtExit = (): void => this.flush();

  /** @param output gets what is gathered; left out: standard output */
  constructor(private readonly output = standardOutput()) {
    // Before pino's own listener, which empties its stream then.
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
    if (this.lines === '') return;
    const { lines } = this;
    this.lines = '';
    this.output.write(lines);
  }
}

/** For people on a terminal, else one JSON object a line. */
function standardOutput(): DestinationStream {
  if (!process.stdout.isTTY) return pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES });
  return pino.transport({ target: 'pino-pretty', options: { singleLine: true } });
}
