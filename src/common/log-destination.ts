import { pino, type DestinationStream } from 'pino';

/** What may wait for a reader, in bytes; lines beyond it are dropped. Some thousands of lines. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/**
 * Where log lines go: standard output, without waiting for its reader. pino's own default writes synchronously, so that a
 * pipe that nobody empties (a log collector that hangs, a terminal that is paused) would stop requests and deliveries, too.
 * What waits is written out when the process ends in order.
 */
export function createLogDestination(): DestinationStream {
  return pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES });
}
