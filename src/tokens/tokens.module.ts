import { Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Tokens } from './tokens.js';

@Module({
  providers: [
    {
      provide: Tokens,
      inject: [Config],
      // Those signed with a retired key hold on until they run out.
      useFactory: ({ encryptionKey, encryptionKeysRetired }: Config) =>
        new Tokens([encryptionKey, ...encryptionKeysRetired]),
    },
  ],
  exports: [Tokens],
})
export class TokensModule {}
