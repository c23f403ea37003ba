import { useState } from 'react';
import type { HourCounts } from '../api';
import { count, timeOfDay } from './format';

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

export function HourChart({ hours }: { hours: HourCounts[] }) {
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

/** Height of the drawing, and of the room for the hours below it, in pixels. */
const PLOT_HEIGHT = 160;
const LABELS_HEIGHT = 20;
/** Share of an hour's width that its bar takes. */
const BAR_WIDTH = 0.84;
/** Hours between two labels. */
const LABEL_EVERY = 4;
const MAX_LINES = 5;

/** Returns the distance of the lines of a scale: 1, 2 or 5 times a power of ten, at most `MAX_LINES` of them. */
export function stepOf(most: number): number {
  for (let power = 1; ; power *= 10) {
    for (const step of [power, 2 * power, 5 * power]) if (step * MAX_LINES >= most) return step;
  }
}

/** Positions across are in percent, so that the drawing follows the width of the page. */
function Bars({ hours, series }: { hours: HourCounts[]; series: Series[] }) {
  const total = series.reduce((sum, one) => sum + one.total, 0);
  const sums = hours.map((_, hour) => series.reduce((sum, one) => sum + (one.counts[hour] ?? 0), 0));
  const step = stepOf(Math.max(...sums, 1));
  const lines = Array.from({ length: Math.ceil(Math.max(...sums, 1) / step) + 1 }, (_, index) => index * step);
  const height = (value: number) => (value / (lines.at(-1) ?? 1)) * PLOT_HEIGHT;
  const across = (hour: number) => `${(hour / hours.length) * 100}%`;
  return (
    <div className="chart">
      <svg
        role="img"
        data-testid="hour-chart"
        width="100%"
        height={PLOT_HEIGHT + LABELS_HEIGHT}
        aria-label={`${count(total)} events in the last 24 hours, by hour and topic. Also available as a table.`}
      >
        {lines.map((line) => (
          <g key={line}>
            <line x2="100%" y1={PLOT_HEIGHT - height(line)} y2={PLOT_HEIGHT - height(line)} />
            <text x={-6} y={PLOT_HEIGHT - height(line)} dy="0.35em" textAnchor="end">
              {count(line)}
            </text>
          </g>
        ))}
        {hours.map((hour, index) => {
          let below = 0;
          return (
            <g key={hour.hour}>
              <title>{titleOf(hour, index, series)}</title>
              <rect className="hour" x={across(index)} width={across(1)} height={PLOT_HEIGHT} />
              {series.map((one, at) => {
                const value = one.counts[index] ?? 0;
                below += value;
                return value === 0 ? null : (
                  <rect
                    key={one.topic}
                    className={`t${at}`}
                    x={across(index + (1 - BAR_WIDTH) / 2)}
                    width={across(BAR_WIDTH)}
                    y={PLOT_HEIGHT - height(below)}
                    height={height(value)}
                  />
                );
              })}
              {index % LABEL_EVERY === 0 && (
                <text x={across(index + 0.5)} y={PLOT_HEIGHT + LABELS_HEIGHT - 5} textAnchor="middle">
                  {timeOfDay(hour.hour)}
                </text>
              )}
            </g>
          );
        })}
      </svg>
    </div>
  );
}

function titleOf(hour: HourCounts, index: number, series: Series[]): string {
  const counts = series
    .filter((one) => one.counts[index])
    .map((one) => `${one.topic}: ${count(one.counts[index] ?? 0)}`);
  return [timeOfDay(hour.hour), ...(counts.length === 0 ? ['no events'] : counts)].join('\n');
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
