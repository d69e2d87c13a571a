import { Inject, Injectable } from '@nestjs/common';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { validationFailed } from '../common/domain-error.js';
import { AddressRules } from '../sending/address-rules.js';
import { AddressRefusedError, createGuardedLookup, type ResolveAll } from '../sending/guarded-lookup.js';
import { RESOLVE_ALL } from '../sending/sending.module.js';

/** Slow name servers must not hold a request: what isn't known by then is checked when it is connected to. */
const RESOLVE_TIMEOUT_MS = 2_000;

/** Whether a tenant may have an endpoint at a URL, as far as can be told before connecting. */
@Injectable()
export class EndpointUrlCheck {
  private readonly lookup: ReturnType<typeof createGuardedLookup>;

  constructor(
    private readonly rules: AddressRules,
    @Inject(RESOLVE_ALL) resolveAll: ResolveAll,
  ) {
    this.lookup = createGuardedLookup(rules, resolveAll);
  }

  /**
   * A name that has no address yet passes: it may get one later, and each connection checks again.
   * @throws DomainError `validation_failed`; says no more than a word, or Posthaste could be used to map its network
   */
  async check(raw: string): Promise<void> {
    const verdict = this.rules.checkUrl(raw);
    if (!verdict.ok) throw notAllowed(verdict.reason);
    const { hostname } = verdict.url;
    const isLiteral = hostname.startsWith('[') || isIP(hostname) !== 0;
    if (!isLiteral && (await this.resolvesToRefused(hostname))) throw notAllowed('address');
  }

  private async resolvesToRefused(hostname: string): Promise<boolean> {
    const timer = new AbortController();
    const answer = new Promise<boolean>((resolve) => {
      this.lookup(hostname, { all: true }, (error) => resolve(error instanceof AddressRefusedError));
    });
    const timeout = delay(RESOLVE_TIMEOUT_MS, false, { signal: timer.signal }).catch(() => false);
    try {
      return await Promise.race([answer, timeout]);
    } finally {
      timer.abort();
    }
  }
}

const notAllowed = (reason: string): Error =>
  validationFailed([{ field: 'url', message: `is not allowed (${reason})` }]);
