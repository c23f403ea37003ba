import { useState } from 'react';
import type { HourCounts } from '../api';
import { BarChart } from './BarChart';
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

/** Hours between two labels. */
const LABEL_EVERY = 4;

function Bars({ hours, series }: { hours: HourCounts[]; series: Series[] }) {
  const total = series.reduce((sum, one) => sum + one.total, 0);
  const bars = hours.map((hour, index) => ({
    key: hour.hour,
    layers: series.map((one) => one.counts[index] ?? 0),
    title: titleOf(hour, index, series),
    label: index % LABEL_EVERY === 0 ? timeOfDay(hour.hour) : null,
  }));
  return (
    <BarChart
      bars={bars}
      colors={series.map((_, index) => `t${index}`)}
      format={count}
      summary={`${count(total)} events in the last 24 hours, by hour and topic. Also available as a table.`}
      testId="hour-chart"
    />
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
