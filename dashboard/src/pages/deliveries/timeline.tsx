import { Check, ChevronDown, Clock, Hourglass, X } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import type { Schemas } from '@/api/client';
import { Time, useNow } from '@/components/time';
import { classNames } from '@/lib/class-names';
import { formatDuration } from '@/lib/format';
import { AttemptDetails } from './attempt-details';
import { explainFailure } from './explain';

type Attempt = Schemas['AttemptDto'];
type Delivery = Schemas['DeliveryDto'];

const HELD_UNTIL: Record<NonNullable<Delivery['held_by']>, string> = {
  disabled: 'Waits until its endpoint is enabled',
  suspended: 'Waits until the tenant is resumed',
  rate_limit: 'Waits for its turn under the rate limit',
  fairness: 'Waits for a place in the queue',
  circuit: 'Waits until its endpoint works again, which Posthaste tries out now and then',
};

/** Attempts in the order in which they were made, with the waits between them, and the one to come. */
export function Timeline({ delivery, attempts }: { delivery: Delivery; attempts: Attempt[] }) {
  const next = delivery.status === 'pending' ? delivery.next_attempt_at : null;
  const goesOn = next !== null || (delivery.status === 'pending' && delivery.held_by !== null);
  return (
    <ol className="flex flex-col px-4 py-5 sm:px-5">
      {attempts.map((attempt, index) => (
        <AttemptItem
          key={attempt.id}
          attempt={attempt}
          waitedMs={waitBefore(attempt, attempts[index - 1] ?? null, delivery)}
          isLast={index === attempts.length - 1 && !goesOn}
          startsOpen={index === attempts.length - 1}
        />
      ))}
      {next !== null && <NextAttempt at={next} number={delivery.attempts + 1} />}
      {next === null && delivery.status === 'pending' && delivery.held_by !== null && (
        <Item waited={null} isLast mark={<Mark />}>
          <p className="font-medium">{HELD_UNTIL[delivery.held_by]}</p>
        </Item>
      )}
    </ol>
  );
}

function waitBefore(attempt: Attempt, previous: Attempt | null, delivery: Delivery): number {
  const since =
    previous === null ? Date.parse(delivery.created_at) : Date.parse(previous.created_at) + previous.duration_ms;
  return Math.max(0, Date.parse(attempt.created_at) - since);
}

interface AttemptItemProps {
  attempt: Attempt;
  waitedMs: number;
  isLast: boolean;
  startsOpen: boolean;
}

function AttemptItem({ attempt, waitedMs, isLast, startsOpen }: AttemptItemProps) {
  const [isOpen, setOpen] = useState(startsOpen);
  const succeeded = attempt.outcome === 'succeeded';
  return (
    <Item
      waited={waitedMs < 1_000 ? null : `after ${formatDuration(waitedMs)}`}
      isLast={isLast}
      mark={
        <span
          className={classNames(
            'grid size-7 place-items-center rounded-full',
            succeeded ? 'bg-good-soft text-good' : 'bg-bad-soft text-bad',
          )}
        >
          {succeeded ? <Check aria-hidden className="size-4" /> : <X aria-hidden className="size-4" />}
        </span>
      }
    >
      <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h3>
          <button
            type="button"
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
            className="flex items-center gap-1.5 font-medium hover:text-accent"
          >
            Attempt {attempt.attempt}: {succeeded ? `HTTP ${attempt.status_code}` : (attempt.error ?? 'failed')}
            <ChevronDown
              aria-hidden
              className={classNames('size-4 text-ink-faint transition-transform', isOpen && 'rotate-180')}
            />
          </button>
        </h3>
        <span className="text-[0.8125rem] text-ink-faint">
          <Time at={attempt.created_at} /> · took {formatDuration(attempt.duration_ms)}
        </span>
      </div>
      {!succeeded && <p className="mt-0.5 text-ink-soft">{explainFailure(attempt)}</p>}
      {isOpen && <AttemptDetails attempt={attempt} />}
    </Item>
  );
}

function NextAttempt({ at, number }: { at: string; number: number }) {
  const now = useNow(true);
  const isDue = Date.parse(at) <= now.getTime();
  return (
    <Item waited={null} isLast mark={<Mark />}>
      <p className="font-medium">
        Attempt {number} {isDue ? 'is due' : <Time at={at} relative />}
      </p>
    </Item>
  );
}

function Mark() {
  return (
    <span className="grid size-7 place-items-center rounded-full bg-accent-soft text-accent">
      <Clock aria-hidden className="size-4" />
    </span>
  );
}

interface ItemProps {
  waited: string | null;
  isLast: boolean;
  mark: ReactNode;
  children: ReactNode;
}

function Item({ waited, isLast, mark, children }: ItemProps) {
  return (
    <li className="flex flex-col">
      {waited !== null && (
        <p className="ml-3.5 flex items-center gap-1.5 border-l-2 border-dashed border-line py-2 pl-6 text-[0.8125rem] text-ink-faint">
          <Hourglass aria-hidden className="size-3.5" /> {waited}
        </p>
      )}
      <div className="flex gap-3">
        <div className="flex flex-col items-center">
          {mark}
          {!isLast && <span aria-hidden className="w-0.5 grow bg-line" />}
        </div>
        <div className={classNames('min-w-0 grow pt-1', !isLast && 'pb-5')}>{children}</div>
      </div>
    </li>
  );
}
