import { useEffect, useRef, useState } from 'react';
import { endSession, requestHeaders, type Schemas } from '@/api/client';
import { Problem } from '@/api/problem';
import { EventParser, type ServerSentEvent } from './sse';

export type StreamedAttempt = Schemas['StreamedAttemptDto'];
export type Connection = 'connecting' | 'open' | 'lost';

export interface Feed {
  connection: Connection;
  problem: Problem | null;
  /** Newest first. */
  attempts: StreamedAttempt[];
  /** How many there were since the page was opened; of the skipped ones only the number is known. */
  total: number;
  skipped: number;
  /** How many the last second had. */
  perSecond: number;
  /** Whether some of the last seconds' were left out. */
  isSampled: boolean;
  /** Whether some were missed while the connection was lost. */
  hasGap: boolean;
}

const KEPT = 200;
/** A screen that is drawn more often than this is of no use to anybody. */
const DRAW_MS = 200;
const SAMPLED_FOR_MS = 5_000;
const DEFAULT_RETRY_MS = 2_000;
const MAX_RETRY_MS = 15_000;

const NOTHING: Feed = {
  connection: 'connecting',
  problem: null,
  attempts: [],
  total: 0,
  skipped: 0,
  perSecond: 0,
  isSampled: false,
  hasGap: false,
};

interface StreamOptions {
  /** Goes on listening and counting, but shows nothing new. */
  isPaused: boolean;
  /** Others are counted and forgotten at once: of many, they would push out the few that are looked for. */
  isWanted: (attempt: StreamedAttempt) => boolean;
}

/** Attempts as they happen. Comes back after a broken connection. */
export function useAttemptStream(options: StreamOptions): Feed {
  const [feed, setFeed] = useState(NOTHING);
  const latest = useRef(options);
  latest.current = options;

  useEffect(() => {
    const end = new AbortController();
    const heard = new Hearing((attempt) => latest.current.isWanted(attempt));
    void follow(heard, end.signal);
    const timer = setInterval(() => setFeed((now) => heard.draw(now, latest.current.isPaused)), DRAW_MS);
    return () => {
      end.abort();
      clearInterval(timer);
    };
  }, []);

  return feed;
}

/** What came in since the screen was last drawn. */
class Hearing {
  connection: Connection = 'connecting';
  problem: Problem | null = null;
  lastId = '';
  private fresh: StreamedAttempt[] = [];
  private hasGap = false;
  private sampledAt = -Infinity;
  private total = 0;
  private skipped = 0;
  private counts: { at: number; count: number }[] = [];

  constructor(private readonly isWanted: StreamOptions['isWanted']) {}

  take({ type, id, data }: ServerSentEvent): void {
    if (id !== '') this.lastId = id;
    if (type === 'gap') this.hasGap = true;
    if (type === 'sample') {
      this.sampledAt = performance.now();
      const { skipped } = JSON.parse(data) as Schemas['StreamSampleDto'];
      this.skipped += skipped;
      this.count(skipped);
    }
    if (type === 'attempt') {
      this.count(1);
      const attempt = JSON.parse(data) as StreamedAttempt;
      if (!this.isWanted(attempt)) return;
      this.fresh.unshift(attempt);
      this.fresh.length = Math.min(this.fresh.length, KEPT);
    }
  }

  draw(now: Feed, isPaused: boolean): Feed {
    const { connection, problem, hasGap, total, skipped } = this;
    const fresh = isPaused ? [] : this.fresh.splice(0);
    const at = performance.now();
    this.counts = this.counts.filter((counted) => counted.at > at - 1_000);
    const perSecond = this.counts.reduce((sum, { count }) => sum + count, 0);
    const isSampled = at - this.sampledAt < SAMPLED_FOR_MS;
    const isSame =
      fresh.length === 0 &&
      now.total === total &&
      now.connection === connection &&
      now.perSecond === perSecond &&
      now.isSampled === isSampled &&
      now.hasGap === hasGap;
    if (isSame) return now;
    const known = new Set(fresh.map(({ id }) => id));
    const attempts = [...fresh, ...now.attempts.filter(({ id }) => !known.has(id))].slice(0, KEPT);
    return { connection, problem, attempts, total, skipped, perSecond, isSampled, hasGap };
  }

  private count(count: number): void {
    this.total += count;
    this.counts.push({ at: performance.now(), count });
  }
}

/** By fetch, not by EventSource, which can't say for which tenant the operator asks. */
async function follow(heard: Hearing, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const parser = new EventParser();
    try {
      const headers = { ...requestHeaders(), ...(heard.lastId === '' ? {} : { 'Last-Event-ID': heard.lastId }) };
      const response = await fetch('/api/v1/stream', { headers, signal, cache: 'no-store' });
      if (!response.ok || response.body === null) throw await Problem.of(response);
      heard.connection = 'open';
      heard.problem = null;
      failures = 0;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        for (const event of parser.push(value)) heard.take(event);
      }
    } catch (error) {
      if (signal.aborted) return;
      heard.problem = Problem.from(error);
      if (heard.problem.status === 401) return endSession();
    }
    heard.connection = 'lost';
    failures += 1;
    const waitMs = Math.min((parser.retryMs ?? DEFAULT_RETRY_MS) * failures, MAX_RETRY_MS);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}
