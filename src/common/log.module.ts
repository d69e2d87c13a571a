import { Module } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { Config } from '../config/config.js';

/** One JSON line an event; readable ones on a terminal. */
@Module({
  imports: [
    LoggerModule.forRootAsync({
      inject: [Config],
      useFactory: (config: Config) => ({
        pinoHttp: {
          level: config.logLevel,
          // Requests are counted in the metrics; a line for each would cost more than the request.
          autoLogging: false,
          quietReqLogger: true,
          redact: {
            paths: [
              'req.headers.authorization',
              'req.headers["x-api-key"]',
              'req.headers.cookie',
              '*.secret',
              '*.api_key',
              '*.secret_key',
              // A failed statement's parameters are payloads and sealed secrets.
              'err.parameters',
              'err.driverError',
              'err.query',
            ],
            remove: true,
          },
          ...(process.stdout.isTTY ? { transport: { target: 'pino-pretty', options: { singleLine: true } } } : {}),
        },
      }),
    }),
  ],
})
export class LogModule {}
