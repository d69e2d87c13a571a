import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { lookup } from 'node:dns/promises';
import { Config } from '../config/config.js';
import { AddressRules } from './address-rules.js';
import { AttemptSender } from './attempt-sender.js';
import { createGuardedAgent } from './guarded-agent.js';
import type { ResolveAll } from './guarded-lookup.js';

/** How names are resolved; tests put their own in its place. */
export const RESOLVE_ALL = Symbol('RESOLVE_ALL');

@Module({
  providers: [
    { provide: RESOLVE_ALL, useValue: lookup },
    { provide: AddressRules, inject: [Config], useFactory: (config: Config) => new AddressRules(config) },
    {
      provide: AttemptSender,
      inject: [AddressRules, RESOLVE_ALL],
      useFactory: (rules: AddressRules, resolveAll: ResolveAll) =>
        new AttemptSender(rules, createGuardedAgent({ rules, resolveAll })),
    },
  ],
  exports: [AddressRules, AttemptSender, RESOLVE_ALL],
})
export class SendingModule implements OnApplicationShutdown {
  constructor(private readonly sender: AttemptSender) {}

  /** Whoever sends has been waited for by now; an attempt that is still under way has outlived the grace time. */
  onApplicationShutdown(): Promise<void> {
    return this.sender.close(0);
  }
}
