import { formatDuration } from '@/lib/format';

const WIDTH = 480;
const PADDING = 12;

/** When the attempts come, on an axis whose first seconds are wide and whose hours are narrow. */
export function SchedulePicture({ waits }: { waits: readonly number[] }) {
  let at = 0;
  const times = waits.map((wait) => (at += wait));
  const last = times.at(-1) ?? 0;
  const scale = (seconds: number): number =>
    PADDING + (last === 0 ? 0 : Math.log1p(seconds) / Math.log1p(last)) * (WIDTH - 2 * PADDING);
  const told =
    `${waits.length} attempts, the first ${waits[0] === 0 ? 'at once' : `after ${formatDuration((waits[0] ?? 0) * 1_000)}`}, ` +
    `the last after ${formatDuration(last * 1_000)}`;
  return (
    <figure className="rounded-lg bg-sunken px-3 py-2">
      <svg viewBox={`0 0 ${WIDTH} 40`} className="w-full" role="img" aria-label={told}>
        <line x1={PADDING} x2={WIDTH - PADDING} y1="20" y2="20" className="stroke-line-strong" />
        {times.map((time, index) => (
          <circle key={index} cx={scale(time)} cy="20" r="5" className="fill-accent stroke-sunken" strokeWidth="2" />
        ))}
      </svg>
      <figcaption className="text-xs text-ink-faint">{told}.</figcaption>
    </figure>
  );
}
