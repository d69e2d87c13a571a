import { Module } from '@nestjs/common';
import { Rollup } from './rollup.service.js';

/** One roll-up a process, for everything in it that counts. */
@Module({ providers: [Rollup], exports: [Rollup] })
export class RollupModule {}
