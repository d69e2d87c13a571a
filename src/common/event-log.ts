import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { Logger } from 'pino';
import { Config } from '../config/config.js';

/** Fields of a line. Ids, names from a known set and numbers: no payload, no URL (there may be credentials in it), no header. */
export type EventFields = Readonly<Record<string, string | number | boolean | null>>;

/** One wide line for each event accepted, attempt made and delivery settled (`LOG_EVENTS`), at level info. */
@Injectable()
export class EventLog {
  private readonly logger: Logger | null;

  constructor(logger: PinoLogger, config: Config) {
    // Past nestjs-pino, which looks for a request's own logger at each line. The parts that have nothing to redact don't pay
    // for the search for it either: it looks at every value of a line.
    const child = logger.logger.child({ context: 'Events' }, { redact: [] });
    this.logger = config.logEvents && child.isLevelEnabled('info') ? child : null;
  }

  /** Asked before the fields are put together. */
  get enabled(): boolean {
    return this.logger !== null;
  }

  write(message: 'event accepted' | 'attempt made' | 'delivery settled', fields: EventFields): void {
    this.logger?.info(fields, message);
  }
}
