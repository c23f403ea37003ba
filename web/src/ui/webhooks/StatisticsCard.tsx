import { useCallback, useState } from 'react';
import type { EndpointStats, StatsFigures, StatsHour } from '../../api';
import { RANGES, type Range, allHours, failedOf, failuresOf } from '../../data/endpoint-stats';
import { BarChart } from '../BarChart';
import { Card } from '../bits';
import { count, dayAndTime, dayOfMonth, delay, percent, plural, timeOfDay } from '../format';
import { type Place, ReadError } from './bits';
import { codeName } from './names';
import { usePolled } from './polled';

const READ_EVERY_MS = 30_000;

/** Success rate, response times and failures of an endpoint over a range that one chooses. */
export function StatisticsCard({ place, id }: { place: Place; id: string }) {
  const [range, setRange] = useState<Range>(24);
  return (
    <Card
      title="Results"
      aside={
        <div className="row" role="group" aria-label="Time of the results">
          {RANGES.map(({ hours, name }) => (
            <button
              key={hours}
              type="button"
              className="small"
              aria-pressed={range === hours}
              onClick={() => setRange(hours)}
            >
              {name}
            </button>
          ))}
        </div>
      }
    >
      <Loaded key={range} place={place} id={id} range={range} />
    </Card>
  );
}

function Loaded({ place: { panel, owner, reachable }, id, range }: { place: Place; id: string; range: Range }) {
  const { value, error } = usePolled(
    useCallback(
      (signal: AbortSignal) => panel.client.webhooks.stats(owner, id, range, signal),
      [panel, owner, id, range],
    ),
    READ_EVERY_MS,
  );
  return (
    <>
      <ReadError error={error} reachable={reachable} />
      {value === null ? (
        error === null && reachable && <p className="faint">Loading…</p>
      ) : (
        <StatisticsView stats={value} range={range} />
      )}
    </>
  );
}

export function StatisticsView({ stats, range }: { stats: EndpointStats; range: Range }) {
  const [asTable, setAsTable] = useState(false);
  const { total } = stats;
  const name = RANGES.find(({ hours }) => hours === range)?.name ?? '';
  if (total.attempts === 0)
    return (
      <p className="faint" data-testid="statistics">
        Nothing was sent in the last {name}.
      </p>
    );
  const hours = allHours(stats);
  const failures = failuresOf(stats);
  return (
    <div data-testid="statistics">
      <dl className="pairs">
        <div>
          <dt>Success rate</dt>
          <dd>{`${rateText(total)}: ${count(total.sent)} of ${plural(total.attempts, 'attempt')}`}</dd>
        </div>
        <div>
          <dt>Response times</dt>
          <dd>{timesText(total)}</dd>
        </div>
      </dl>
      {failures.length > 0 && (
        <>
          <h3>Failed attempts by cause</h3>
          <ul className="errors">
            {failures.map(({ code, sentence, attempts }) => (
              <li key={code} data-code={code}>
                <strong>
                  {count(attempts)} × {codeName(code)}.
                </strong>{' '}
                {sentence}
              </li>
            ))}
          </ul>
        </>
      )}
      <div className="row between by-hour">
        <h3>By hour</h3>
        <button type="button" className="small" onClick={() => setAsTable(!asTable)}>
          {asTable ? 'Show as charts' : 'Show as a table'}
        </button>
      </div>
      {asTable ? <Table hours={hours} /> : <Charts stats={stats} hours={hours} name={name} />}
    </div>
  );
}

/** Rounded down, so that 100% means all. */
function rateText({ success_rate }: StatsFigures): string {
  return success_rate === null || success_rate === undefined
    ? 'unknown'
    : percent(Math.floor(success_rate * 1_000) / 1_000);
}

function timesText({ p50_ms, p95_ms, p99_ms }: StatsFigures): string {
  return typeof p50_ms === 'number' && typeof p95_ms === 'number' && typeof p99_ms === 'number'
    ? `p50 ${delay(p50_ms)}, p95 ${delay(p95_ms)}, p99 ${delay(p99_ms)}, of answered attempts`
    : 'unknown: no attempt was answered';
}

/** Hours between two labels of a day, and the hours up to which a range has them. Longer ones have a label for each day. */
const LABEL_EVERY = 6;
const LABELLED_HOURS = 24;

function Charts({ stats: { total }, hours, name }: { stats: EndpointStats; hours: StatsHour[]; name: string }) {
  const label = (at: string, index: number) => {
    if (hours.length <= LABELLED_HOURS) return index % LABEL_EVERY === 0 ? timeOfDay(at) : null;
    return new Date(at).getHours() === 0 ? dayOfMonth(at) : null;
  };
  const bars = (layers: (hour: StatsHour) => number[]) =>
    hours.map((hour, index) => ({
      key: hour.hour,
      layers: layers(hour),
      title: titleOf(hour),
      label: label(hour.hour, index),
    }));
  return (
    <>
      <Legend
        label="Attempts by outcome"
        entries={[
          ['t0', `Sent ${count(total.sent)}`],
          ['t3', `Failed ${count(failedOf(total))}`],
        ]}
      />
      <BarChart
        bars={bars((hour) => [hour.sent, failedOf(hour)])}
        colors={['t0', 't3']}
        format={count}
        summary={`${count(total.sent)} attempts sent and ${count(failedOf(total))} failed in the last ${name}, by hour. Also available as a table.`}
        testId="attempts-chart"
      />
      <Legend
        label="Response times"
        entries={[
          ['t5', 'p50'],
          ['t2', 'p95'],
          ['t1', 'p99'],
        ]}
      />
      <BarChart
        bars={bars(({ p50_ms, p95_ms, p99_ms }) => {
          const [p50, p95, p99] = [p50_ms ?? 0, p95_ms ?? 0, p99_ms ?? 0];
          return [p50, p95 - p50, p99 - p95];
        })}
        colors={['t5', 't2', 't1']}
        format={(ms) => (ms === 0 ? '0' : delay(ms))}
        summary={`Response times in the last ${name}, by hour: ${timesText(total)}. Also available as a table.`}
        testId="times-chart"
      />
    </>
  );
}

function Legend({ label, entries }: { label: string; entries: [string, string][] }) {
  return (
    <ul className="legend" aria-label={label}>
      {entries.map(([color, text]) => (
        <li key={color}>
          <span className={`swatch ${color}`} aria-hidden="true" /> {text}
        </li>
      ))}
    </ul>
  );
}

function titleOf(hour: StatsHour): string {
  const at = dayAndTime(hour.hour);
  if (hour.attempts === 0) return `${at}\nnothing sent`;
  const codes = Object.entries(hour.failed).map(([code, attempts]) => `${codeName(code)}: ${count(attempts)}`);
  return [at, `sent: ${count(hour.sent)}`, ...codes, timesText(hour)].join('\n');
}

function Table({ hours }: { hours: StatsHour[] }) {
  return (
    // A wide table scrolls inside its region, by keyboard, too.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="scroll" tabIndex={0} role="region" aria-label="Attempts and response times by hour">
      <table className="plain">
        <caption className="hidden">
          Attempts and response times by hour, newest hour first, without hours in which nothing was sent
        </caption>
        <thead>
          <tr>
            <th scope="col">Hour</th>
            {['Sent', 'Failed', 'Success', 'p50', 'p95', 'p99'].map((name) => (
              <th key={name} scope="col" className="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {hours
            .filter(({ attempts }) => attempts > 0)
            .map((hour) => (
              <tr key={hour.hour} data-hour={hour.hour}>
                <th scope="row">{dayAndTime(hour.hour)}</th>
                <td className="number">{count(hour.sent)}</td>
                <td className="number">{count(failedOf(hour))}</td>
                <td className="number">{rateText(hour)}</td>
                {[hour.p50_ms, hour.p95_ms, hour.p99_ms].map((ms, place) => (
                  <td key={['p50', 'p95', 'p99'][place]} className="number">
                    {typeof ms === 'number' ? delay(ms) : '–'}
                  </td>
                ))}
              </tr>
            ))
            .reverse()}
        </tbody>
      </table>
    </div>
  );
}
