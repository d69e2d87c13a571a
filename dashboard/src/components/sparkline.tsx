import type { Schemas } from '@/api/client';
import { formatCount } from '@/lib/format';

type Point = Schemas['EndpointHealthPointDto'];

const HEIGHT = 28;
const BAR = 4;
const STEP = 5;
/** What happened at all is seen, however little it was. */
const LEAST = 2;

/** Attempts hour by hour, what failed on top of what succeeded; each against its own highest hour. */
export function Sparkline({ series }: { series: readonly Point[] }) {
  const most = Math.max(1, ...series.map(({ succeeded, failed }) => succeeded + failed));
  const heightOf = (count: number): number => (count === 0 ? 0 : Math.max(LEAST, (count / most) * (HEIGHT - LEAST)));
  const total = (outcome: 'succeeded' | 'failed'): string =>
    formatCount(series.reduce((sum, point) => sum + point[outcome], 0));
  const told = `In the last 24 hours ${total('succeeded')} attempts succeeded and ${total('failed')} failed`;
  return (
    <svg
      role="img"
      aria-label={told}
      viewBox={`0 0 ${series.length * STEP} ${HEIGHT}`}
      width={series.length * STEP}
      height={HEIGHT}
      className="inline-block"
    >
      <title>{told}</title>
      {series.map(({ at, succeeded, failed }, index) => {
        const [good, bad] = [heightOf(succeeded), heightOf(failed)];
        const bar = { x: index * STEP, width: BAR };
        return (
          <g key={at}>
            {succeeded + failed === 0 && <rect {...bar} y={HEIGHT - 1} height={1} className="fill-line-strong" />}
            <rect {...bar} y={HEIGHT - good} height={good} className="fill-good-mark" />
            <rect {...bar} y={Math.max(0, HEIGHT - good - bad)} height={bad} className="fill-bad-mark" />
          </g>
        );
      })}
    </svg>
  );
}
