import { Global, Module } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import type { Options } from 'pino-http';
import { Config } from '../config/config.js';
import { EventLog } from './event-log.js';
import { LogDestination } from './log-destination.js';

const optionsOf = ({ logLevel }: Config): Options => ({
  level: logLevel,
  redact: {
    paths: [
      'req.headers.authorization',
      'req.headers["x-api-key"]',
      'req.headers.cookie',
      'req.headers["x-csrf-token"]',
      'res.headers["set-cookie"]',
      '*.secret',
      '*.api_key',
      '*.access_token',
      '*.csrf_token',
      '*.secret_key',
      '*.client_key',
      // A failed statement's parameters are payloads and sealed secrets.
      'err.parameters',
      'err.driverError',
      'err.query',
    ],
    remove: true,
  },
});

/** One JSON line an event; readable ones on a terminal. */
@Global()
@Module({
  providers: [EventLog, { provide: LogDestination, useFactory: () => new LogDestination() }],
  exports: [EventLog, LogDestination],
  imports: [
    LoggerModule.forRootAsync({
      inject: [Config, LogDestination],
      useFactory: (config: Config, destination: LogDestination) => ({
        // No logger for each request: nothing is logged through it, and making one costs a tenth of a publish.
        forRoutes: [],
        pinoHttp: [optionsOf(config), destination],
      }),
    }),
  ],
})
export class LogModule {}
