import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useIsDark } from '@/lib/theme';
import type { Schemas } from '@/api/client';

type Point = Schemas['StatsPointDto'];

const HEIGHT = 240;

/** Attempts by the step: what failed stands on top of what succeeded. A table says the same to those who can't see it. */
export default function ThroughputChart({ series }: { series: Point[] }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const isDark = useIsDark();
  const latest = useRef(series);
  latest.current = series;
  const stepSeconds = (Date.parse(series[1]?.at ?? '') - Date.parse(series[0]?.at ?? '')) / 1_000 || 60;

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    chart.current = new uPlot(optionsFor(element, stepSeconds), dataOf(latest.current), element);
    const watch = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      chart.current?.destroy();
    };
    // Colours are read when it is drawn.
  }, [isDark, stepSeconds]);

  useEffect(() => chart.current?.setData(dataOf(series)), [series]);

  return <div ref={place} aria-hidden className="h-60 w-full" />;
}

function dataOf(series: Point[]): uPlot.AlignedData {
  return [
    series.map(({ at }) => Date.parse(at) / 1_000),
    series.map(({ succeeded, failed }) => succeeded + failed),
    series.map(({ succeeded }) => succeeded),
  ];
}

const DAY_SECONDS = 86_400;
const DAY = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/** As the reader writes times, in the reader's zone; midnight is told by its day where there are several. */
function labelOf(stepSeconds: number): (tick: number) => string {
  return (tick) => {
    const at = new Date(tick * 1_000);
    const isDay = stepSeconds >= DAY_SECONDS || (at.getHours() === 0 && at.getMinutes() === 0);
    return (isDay ? DAY : TIME).format(at);
  };
}

function optionsFor(element: HTMLElement, stepSeconds: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const bars = uPlot.paths.bars?.({ size: [0.7, 24], radius: 0.15 });
  const axis: uPlot.Axis = {
    stroke: colour('--ink-faint'),
    font: '12px Inter Variable, sans-serif',
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  const bar = (fill: string): uPlot.Series => ({
    fill,
    stroke: fill,
    width: 0,
    points: { show: false },
    ...(bars === undefined ? {} : { paths: bars }),
  });
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [12, 8, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: {
      // Room for half a bar at either end.
      x: { range: (_chart, min, max) => [min - stepSeconds / 2, max + stepSeconds / 2] },
      y: { range: (_chart, _min, max) => [0, Math.max(4, max * 1.1)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 70,
        size: 32,
        values: (_chart, ticks, _axis, _space, step) => ticks.map(labelOf(step)),
      },
      {
        ...axis,
        size: 48,
        values: (_chart, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? String(tick) : '')),
      },
    ],
    series: [{}, bar(colour('--bad-mark')), bar(colour('--good-mark'))],
  };
}
