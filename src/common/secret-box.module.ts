import { Global, Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { SecretBox } from './secret-box.js';

@Global()
@Module({
  providers: [
    {
      provide: SecretBox,
      inject: [Config],
      useFactory: (config: Config) => new SecretBox(config.encryptionKey, config.encryptionKeysRetired),
    },
  ],
  exports: [SecretBox],
})
export class SecretBoxModule {}
