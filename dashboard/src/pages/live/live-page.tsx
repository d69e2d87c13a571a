import { Activity, Pause, Play } from 'lucide-react';
import { memo, useState } from 'react';
import { Link } from 'react-router';
import { EndpointName } from '@/components/endpoint-name';
import { SelectFilter, TextFilter, FilterBar } from '@/components/filter-bar';
import { Page } from '@/components/page';
import { Time } from '@/components/time';
import { Badge, type Tone } from '@/components/ui/badge';
import { Button } from '@/components/ui/button';
import { Card } from '@/components/ui/card';
import { EmptyState, ErrorState } from '@/components/ui/states';
import { classNames } from '@/lib/class-names';
import { formatDuration, formatExact } from '@/lib/format';
import { useFilters } from '@/lib/use-filters';
import { useAttemptStream, type Feed, type StreamedAttempt } from './use-attempt-stream';

type Outcome = 'delivered' | 'retrying' | 'dead';
const OUTCOMES: Record<Outcome, string> = { delivered: 'Delivered', retrying: 'Retrying', dead: 'Dead letter' };
const LOOKS: Record<Outcome, { tone: Tone; edge: string }> = {
  delivered: { tone: 'good', edge: 'border-l-good-mark' },
  retrying: { tone: 'warn', edge: 'border-l-warn-mark' },
  dead: { tone: 'bad', edge: 'border-l-bad-mark' },
};

function outcomeOf({ outcome, delivery_status: status }: StreamedAttempt): Outcome {
  if (outcome === 'succeeded') return 'delivered';
  return status === 'dead_letter' ? 'dead' : 'retrying';
}

export function Component() {
  // How many there had been by then; null while it goes on.
  const [pausedAt, setPausedAt] = useState<number | null>(null);
  const { values, set, clear, isFiltered } = useFilters('outcome', 'event_type');
  const isWanted = (attempt: StreamedAttempt): boolean =>
    (values.outcome === undefined || outcomeOf(attempt) === values.outcome) &&
    (values.event_type === undefined || attempt.event_type.includes(values.event_type));
  const isPaused = pausedAt !== null;
  const feed = useAttemptStream({ isPaused, isWanted });
  const shown = feed.attempts.filter(isWanted);
  return (
    <Page
      title="Live feed"
      hint={<Counted feed={feed} pausedAt={pausedAt} />}
      actions={
        <>
          <ConnectionBadge feed={feed} isPaused={isPaused} />
          <Button onClick={() => setPausedAt(isPaused ? null : feed.total)}>
            {isPaused ? <Play /> : <Pause />} {isPaused ? 'Go on' : 'Pause'}
          </Button>
        </>
      }
    >
      <Card>
        <FilterBar isFiltered={isFiltered} onClear={clear}>
          <SelectFilter
            label="Outcome"
            value={values.outcome}
            onChange={(value) => set('outcome', value)}
            options={OUTCOMES}
          />
          <TextFilter label="Event type" value={values.event_type} onChange={(value) => set('event_type', value)} />
        </FilterBar>
        {feed.isSampled && (
          <p role="status" className="border-b border-line bg-accent-soft px-4 py-2 text-accent sm:px-5">
            More attempts are made than can be read: this is a sample of them, at most 50 a second.
          </p>
        )}
        {feed.hasGap && (
          <p className="border-b border-line bg-warn-soft px-4 py-2 text-warn sm:px-5">
            Attempts were missed while the connection was lost.{' '}
            <Link to="/deliveries" className="underline underline-offset-2">
              The list of deliveries
            </Link>{' '}
            has all of them.
          </p>
        )}
        <FeedList feed={feed} shown={shown} isFiltered={isFiltered} />
      </Card>
    </Page>
  );
}

function Counted({ feed, pausedAt }: { feed: Feed; pausedAt: number | null }) {
  if (feed.total === 0) return 'Attempts as they happen.';
  return (
    <span className="tabular-nums">
      {formatExact(feed.total)} since you opened this page
      {feed.skipped > 0 && `, ${formatExact(feed.skipped)} of them only counted`}
      {pausedAt !== null && `, ${formatExact(feed.total - pausedAt)} since you paused it`}.
    </span>
  );
}

function FeedList({ feed, shown, isFiltered }: { feed: Feed; shown: StreamedAttempt[]; isFiltered: boolean }) {
  if (shown.length > 0) {
    return (
      <ul aria-label="Attempts, newest first" className="overflow-hidden rounded-b-xl">
        {shown.map((attempt) => (
          <AttemptRow key={attempt.id} attempt={attempt} />
        ))}
      </ul>
    );
  }
  if (feed.problem !== null) return <ErrorState error={feed.problem} />;
  return (
    <EmptyState icon={Activity} title={isFiltered ? 'None like this yet' : 'Waiting for the next attempt'}>
      It shows up here the moment it is made.
    </EmptyState>
  );
}

function ConnectionBadge({ feed, isPaused }: { feed: Feed; isPaused: boolean }) {
  const [tone, text]: [Tone, string] = isPaused
    ? ['neutral', 'Paused']
    : feed.connection === 'open'
      ? ['good', feed.perSecond === 0 ? 'Live' : `Live, ${formatExact(feed.perSecond)} a second`]
      : feed.connection === 'lost'
        ? ['bad', 'Reconnecting']
        : ['neutral', 'Connecting'];
  return <Badge tone={tone}>{text}</Badge>;
}

/** Drawn once: of 200 rows only those are that are new. */
const AttemptRow = memo(function AttemptRow({ attempt }: { attempt: StreamedAttempt }) {
  const outcome = outcomeOf(attempt);
  const { tone, edge } = LOOKS[outcome];
  return (
    <li
      className={classNames(
        'relative grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-0.5 border-b border-l-4 border-b-line px-4 py-2 hover:bg-sunken md:grid-cols-[7rem_10rem_minmax(0,3fr)_minmax(0,2fr)_5rem_6rem]',
        edge,
      )}
    >
      <span className="order-2 text-right md:order-none md:text-left">
        <Badge tone={tone}>{OUTCOMES[outcome]}</Badge>
      </span>
      <Link
        to={`/deliveries/${attempt.delivery_id}`}
        className="order-1 truncate font-medium after:absolute after:inset-0 md:order-none"
      >
        {attempt.event_type}
      </Link>
      <span className="order-3 truncate text-[0.8125rem] md:order-none">
        <EndpointName id={attempt.endpoint_id} />
      </span>
      <span className="order-5 col-span-2 truncate text-[0.8125rem] text-ink-soft md:order-none md:col-span-1">
        {attempt.error ?? `HTTP ${attempt.status_code}`}
        {attempt.attempt > 1 && <span className="text-ink-faint"> · attempt {attempt.attempt}</span>}
      </span>
      <span className="hidden text-right text-[0.8125rem] text-ink-faint tabular-nums md:block">
        {formatDuration(attempt.duration_ms)}
      </span>
      <span className="order-4 text-right text-[0.8125rem] text-ink-faint md:order-none">
        <Time at={attempt.at} />
      </span>
    </li>
  );
});
