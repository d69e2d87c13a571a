import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { readCertificates } from '../common/certificates.js';
import { Config } from '../config/config.js';
import { AddressRules } from './address-rules.js';
import { AttemptSender } from './attempt-sender.js';
import { createGuardedAgent } from './guarded-agent.js';
import { secureContextOf } from './guarded-connector.js';
import type { ResolveAll } from './guarded-lookup.js';
import { OutboundProxy } from './outbound-proxy.js';
import { TlsAgents } from './tls-agents.js';

/** How names are resolved; tests put their own in its place. */
export const RESOLVE_ALL = Symbol('RESOLVE_ALL');

@Module({
  providers: [
    { provide: RESOLVE_ALL, useValue: lookup },
    { provide: AddressRules, inject: [Config], useFactory: (config: Config) => new AddressRules(config) },
    { provide: AttemptSender, inject: [Config, AddressRules, RESOLVE_ALL], useFactory: createSender },
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

function createSender(config: Config, rules: AddressRules, resolveAll: ResolveAll): AttemptSender {
  const extraCertificates = config.extraCaFile === undefined ? [] : certificatesIn(config.extraCaFile);
  const secureContext = secureContextOf(extraCertificates, undefined);
  const proxy =
    config.outboundProxyUrl === undefined ? undefined : new OutboundProxy(config.outboundProxyUrl, { secureContext });
  // As many connections as attempts can be under way, so that none waits for one inside its deadline.
  const connectionsPerOrigin = config.workerConcurrency;
  const options = { rules, resolveAll, extraCertificates, proxy, connectionsPerOrigin };
  const tlsAgents = new TlsAgents((tls) => createGuardedAgent({ ...options, tls }));
  return new AttemptSender(rules, createGuardedAgent(options), tlsAgents);
}

const certificatesIn = (file: string): string[] =>
  readCertificates(readFileSync(file, 'utf8')).map((certificate) => certificate.toString());
