import { LRUCache } from 'lru-cache';
import type { Dispatcher } from 'undici';
import type { ReceiverTls } from './receiver-tls.js';

/** Endpoints with certificates of their own whose connections one process keeps at a time. */
export const MAX_TLS_AGENTS = 200;

/**
 * A dispatcher for each endpoint that has certificates of its own. Connections are pooled by origin within a dispatcher:
 * with one for all, a connection on which one endpoint has shown its client certificate would carry another's deliveries to
 * the same origin.
 */
export class TlsAgents {
  private readonly agents: LRUCache<string, Dispatcher>;
  private readonly closing = new Set<Dispatcher>();

  constructor(
    private readonly make: (tls: ReceiverTls) => Dispatcher,
    max = MAX_TLS_AGENTS,
  ) {
    this.agents = new LRUCache({ max, dispose: (agent) => this.retire(agent) });
  }

  /** To be dispatched with at once: by the next turn it may have been closed to make room. */
  of(tls: ReceiverTls): Dispatcher {
    const known = this.agents.get(tls.id);
    if (known !== undefined) return known;
    const agent = this.make(tls);
    this.agents.set(tls.id, agent);
    return agent;
  }

  async destroy(): Promise<void> {
    this.agents.clear();
    await Promise.all([...this.closing].map((agent) => agent.destroy()));
  }

  /** Attempts under way end first; each of them has its deadline. */
  private retire(agent: Dispatcher): void {
    this.closing.add(agent);
    const done = (): boolean => this.closing.delete(agent);
    agent.close().then(done, done);
  }
}
