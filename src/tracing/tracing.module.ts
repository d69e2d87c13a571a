import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../config/config.js';
import { NoTracing, Tracing } from './tracing.js';

/** OpenTelemetry is loaded only where it is wanted: its packages take some 10 MB and a tenth of a second. */
async function createTracing({ otelExporterOtlpEndpoint }: Config): Promise<Tracing> {
  if (otelExporterOtlpEndpoint === '') return new NoTracing();
  const { OtlpTracing } = await import('./otlp-tracing.js');
  return new OtlpTracing(otelExporterOtlpEndpoint);
}

@Global()
@Module({
  providers: [{ provide: Tracing, inject: [Config], useFactory: createTracing }],
  exports: [Tracing],
})
export class TracingModule implements OnApplicationShutdown {
  constructor(private readonly tracing: Tracing) {}

  /** What can't be sent by now is not worth a failed end. */
  async onApplicationShutdown(): Promise<void> {
    await this.tracing.close().catch(() => undefined);
  }
}
