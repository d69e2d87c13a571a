import { Module } from '@nestjs/common';
import { SendingModule } from '../sending/sending.module.js';
import { RollupModule } from '../stats/rollup.module.js';
import { EndpointSecrets } from './endpoint-secrets.service.js';
import { EndpointTester } from './endpoint-tester.service.js';
import { EndpointUrlCheck } from './endpoint-url-check.service.js';
import { EndpointsService } from './endpoints.service.js';
import { SecretRotation } from './secret-rotation.service.js';

@Module({
  imports: [SendingModule, RollupModule],
  providers: [EndpointsService, EndpointSecrets, EndpointUrlCheck, SecretRotation, EndpointTester],
  exports: [EndpointsService, EndpointSecrets, SecretRotation, EndpointTester],
})
export class EndpointsModule {}
