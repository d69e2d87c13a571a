import { useEffect, useState } from 'react';
import { Tooltip } from '@/components/ui/tooltip';
import { formatRelative } from '@/lib/format';

const TODAY = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const EARLIER = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** A time in the reader's zone; the exact one in UTC on hover and focus. */
export function Time({ at, relative = false }: { at: string; relative?: boolean }) {
  const date = new Date(at);
  const now = useNow(relative);
  const isToday = date.toDateString() === now.toDateString();
  return (
    <Tooltip text={<span className="font-mono">{date.toISOString()}</span>}>
      <time dateTime={at} className="whitespace-nowrap tabular-nums">
        {relative ? formatRelative(date, now) : (isToday ? TODAY : EARLIER).format(date)}
      </time>
    </Tooltip>
  );
}

/** Now, told anew every second where something counts down. */
export function useNow(ticking: boolean): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    if (!ticking) return;
    const timer = setInterval(() => setNow(new Date()), 1_000);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}
