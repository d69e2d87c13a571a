import type { DestinationStream } from 'pino';
import sonicBoom from 'sonic-boom';

/** What may wait for a reader, in bytes; lines beyond it are dropped. Some thousands of lines. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** How long a process that ends waits for a reader that takes nothing. */
const LAST_WORDS_MS = 3_000;

export interface LogOutput extends DestinationStream {
  /** Takes the last lines, before the output's own listener for the process's end; left out: `write` does. */
  writeAtExit?(text: string): void;
}

/**
 * Standard output, without waiting for its reader; what waits is written when the process ends. pino's own way there repeats a write
 * that fails for as long as the process lives: one whose reader had gone, or stood still, did not come to its end.
 */
class StandardOutput implements LogOutput {
  private readonly stream: sonicBoom.SonicBoom;
  private giveUpAt = Infinity;
  private hasReader = true;

  constructor() {
    this.stream = new sonicBoom.SonicBoom({
      fd: 1,
      sync: false,
      maxLength: MAX_WAITING_BYTES,
      retryEAGAIN: () => performance.now() < this.giveUpAt,
    });
    // Anything else than a reader that is gone (a disk that is full) may pass: the next line has it tried again.
    this.stream.on('error', (error: NodeJS.ErrnoException) => (this.hasReader = error.code !== 'EPIPE'));
    process.on('exit', () => this.writeLastWords());
  }

  write(text: string): void {
    if (this.hasReader) this.stream.write(text);
  }

  /** Only added to what waits, which is written by the listener above: a write that begins now would not be tried again. */
  writeAtExit(text: string): void {
    (this.stream as unknown as { minLength: number }).minLength = Infinity;
    this.write(text);
  }

  private writeLastWords(): void {
    this.giveUpAt = performance.now() + LAST_WORDS_MS;
    try {
      if (this.hasReader) this.stream.flushSync();
    } catch {
      // There is nobody to tell.
    }
  }
}

let output: StandardOutput | undefined;

/** One for all of a process. */
export function standardOutput(): LogOutput {
  return (output ??= new StandardOutput());
}
