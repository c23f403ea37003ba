import { BarController, BarElement, CategoryScale, Chart, LinearScale, Tooltip } from 'chart.js';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { HourCounts } from '../api';
import { count, timeOfDay } from './format';

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);

/** Number of colours, from --t0 on. Further topics are added up as `others`. */
const MAX_SERIES = 8;

interface Series {
  topic: string;
  total: number;
  counts: number[];
}

/** Counts by topic, the busiest first. */
export function seriesOf(hours: HourCounts[]): Series[] {
  const topics = [...new Set(hours.flatMap((hour) => Object.keys(hour.events)))];
  const all = topics
    .map((topic) => {
      const counts = hours.map((hour) => hour.events[topic] ?? 0);
      return { topic, counts, total: counts.reduce((sum, one) => sum + one, 0) };
    })
    .sort((a, b) => b.total - a.total || (a.topic < b.topic ? -1 : 1));
  if (all.length <= MAX_SERIES) return all;
  const rest = all.slice(MAX_SERIES - 1);
  return [
    ...all.slice(0, MAX_SERIES - 1),
    {
      topic: 'others',
      counts: hours.map((_, index) => rest.reduce((sum, one) => sum + (one.counts[index] ?? 0), 0)),
      total: rest.reduce((sum, one) => sum + one.total, 0),
    },
  ];
}

export default function HourChart({ hours }: { hours: HourCounts[] }) {
  const [asTable, setAsTable] = useState(false);
  const series = seriesOf(hours);
  return (
    <>
      <div className="row between">
        <ul className="legend" aria-label="Events by topic">
          {series.map((one, index) => (
            <li key={one.topic}>
              <span className={`swatch t${index}`} aria-hidden="true" /> {one.topic} <strong>{count(one.total)}</strong>
            </li>
          ))}
          {series.length === 0 && <li className="faint">No events in the last 24 hours.</li>}
        </ul>
        <button type="button" className="small" onClick={() => setAsTable(!asTable)}>
          {asTable ? 'Show as a chart' : 'Show as a table'}
        </button>
      </div>
      {asTable ? <Table hours={hours} series={series} /> : <Bars hours={hours} series={series} />}
    </>
  );
}

function Bars({ hours, series }: { hours: HourCounts[]; series: Series[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const chart = useRef<Chart<'bar'>>(null);
  const dark = useSyncExternalStore(subscribeToScheme, isDark);
  const total = series.reduce((sum, one) => sum + one.total, 0);
  useEffect(() => {
    if (canvas.current === null) return undefined;
    const drawn = new Chart<'bar'>(canvas.current, {
      type: 'bar',
      data: { labels: [], datasets: [] },
      options: { animation: false },
    });
    chart.current = drawn;
    return () => {
      chart.current = null;
      drawn.destroy();
    };
  }, []);
  useEffect(() => {
    if (chart.current !== null) draw(chart.current, hours, series);
  });
  return (
    <div className="chart" data-dark={dark}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${count(total)} events in the last 24 hours, by hour and topic. Also available as a table.`}
      />
    </div>
  );
}

const DARK_SCHEME = '(prefers-color-scheme: dark)';

function isDark(): boolean {
  return window.matchMedia(DARK_SCHEME).matches;
}

function subscribeToScheme(changed: () => void): () => void {
  const scheme = window.matchMedia(DARK_SCHEME);
  scheme.addEventListener('change', changed);
  return () => scheme.removeEventListener('change', changed);
}

function draw(chart: Chart<'bar'>, hours: HourCounts[], series: Series[]): void {
  const styles = getComputedStyle(document.documentElement);
  const colour = (name: string) => styles.getPropertyValue(name).trim();
  const ticks = { color: colour('--faint') };
  chart.options = {
    animation: false,
    maintainAspectRatio: false,
    interaction: { mode: 'index', intersect: false },
    scales: {
      x: { stacked: true, grid: { display: false }, ticks: { ...ticks, maxRotation: 0, autoSkipPadding: 12 } },
      y: {
        stacked: true,
        beginAtZero: true,
        grid: { color: colour('--line') },
        ticks: { ...ticks, precision: 0, maxTicksLimit: 5 },
        border: { display: false },
      },
    },
    plugins: { tooltip: { filter: (item) => item.parsed.y !== 0 } },
  };
  chart.data.labels = hours.map((hour) => timeOfDay(hour.hour));
  chart.data.datasets = series.map((one, index) => ({
    label: one.topic,
    data: one.counts,
    backgroundColor: colour(`--t${index}`),
    borderWidth: 0,
    barPercentage: 0.9,
    categoryPercentage: 0.9,
  }));
  chart.update('none');
}

function Table({ hours, series }: { hours: HourCounts[]; series: Series[] }) {
  return (
    // A wide table scrolls inside its region, by keyboard, too.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="scroll" tabIndex={0} role="region" aria-label="Events by hour and topic">
      <table className="plain">
        <caption className="hidden">Events by hour and topic, newest hour first</caption>
        <thead>
          <tr>
            <th scope="col">Hour</th>
            {series.map((one) => (
              <th key={one.topic} scope="col" className="number">
                {one.topic}
              </th>
            ))}
            <th scope="col" className="number">
              Duplicates
            </th>
          </tr>
        </thead>
        <tbody>
          {hours
            .map((hour, index) => (
              <tr key={hour.hour} data-hour={hour.hour}>
                <th scope="row">{timeOfDay(hour.hour)}</th>
                {series.map((one) => (
                  <td key={one.topic} className="number">
                    {count(one.counts[index] ?? 0)}
                  </td>
                ))}
                <td className="number">{count(hour.duplicates)}</td>
              </tr>
            ))
            .reverse()}
        </tbody>
      </table>
    </div>
  );
}
