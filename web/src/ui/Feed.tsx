import { useId, useState } from 'react';
import type { Entry, Outcome } from '../api';
import type { Hub } from '../data/hub';
import { hashOf } from '../data/route';
import { FEED_LIMIT, type View, keyOf } from '../data/view';
import { Ago, Card, Fate } from './bits';
import { count, delay } from './format';
import { OUTCOMES, kindWords } from './words';

/** So many at first, and so many more each time. */
const ROWS = 20;

const ALL = Object.keys(OUTCOMES) as Outcome[];

export function Feed({ hub, view }: { hub: Hub; view: View }) {
  const [only, setOnly] = useState<Outcome | ''>('');
  const [rows, setRows] = useState(ROWS);
  const [busy, setBusy] = useState(false);
  const id = useId();
  const shown = only === '' ? view.deliveries : view.deliveries.filter((entry) => entry.outcome === only);
  const more =
    view.hasFeed && view.older !== null && (view.older !== undefined || view.deliveries.length >= FEED_LIMIT);
  const older = async () => {
    setRows(rows + ROWS);
    if (rows + ROWS <= shown.length || !more) return;
    setBusy(true);
    await hub.olderDeliveries();
    setBusy(false);
  };
  return (
    <Card
      title="Deliveries"
      className="feed-card"
      aside={
        <div className="field inline">
          <label htmlFor={id}>Outcome</label>
          <select id={id} value={only} onChange={(event) => setOnly(event.target.value as Outcome | '')}>
            <option value="">All ({count(view.deliveries.length)})</option>
            {ALL.map((outcome) => (
              <option key={outcome} value={outcome}>
                {OUTCOMES[outcome].name} ({count(view.deliveries.filter((entry) => entry.outcome === outcome).length)})
              </option>
            ))}
          </select>
        </div>
      }
    >
      {shown.length === 0 ? (
        <p className="empty">{emptyWords(view, only)}</p>
      ) : (
        <ul className="feed" aria-label="Latest deliveries">
          {shown.slice(0, rows).map((entry) => (
            <Row key={keyOf(entry)} store={view.store} entry={entry} />
          ))}
        </ul>
      )}
      {(more || rows < shown.length) && (
        <p className="more">
          <button type="button" disabled={busy} onClick={() => void older()}>
            {busy
              ? 'Loading…'
              : view.older === undefined && rows >= shown.length
                ? 'Begin again with the newest'
                : 'Show older deliveries'}
          </button>
        </p>
      )}
    </Card>
  );
}

function emptyWords(view: View, only: Outcome | ''): string {
  if (!view.hasFeed) return view.feedProblem ?? 'Loading…';
  if (only !== '') return `None of these deliveries is ${OUTCOMES[only].name.toLowerCase()}.`;
  return 'No delivery within the last week. Change a product in the store: it shows here within seconds.';
}

/** What an entry is about, in words. */
export function subjectOf(entry: Entry): string {
  if (!entry.subject) return 'No subject could be read';
  const { kind, id, title } = entry.subject;
  return title ?? `${kindWords(kind)} ${id}`;
}

function Row({ store, entry }: { store: string; entry: Entry }) {
  const began = entry.triggered_at ?? entry.received_at;
  return (
    <li data-delivery={entry.id} data-topic={entry.topic} data-outcome={entry.outcome}>
      <a href={hashOf({ store, delivery: { topic: entry.topic, id: entry.id } })}>
        <span className="what">
          <span className="subject">{subjectOf(entry)}</span>
          <span className="topic">
            {entry.topic}
            {entry.replay && ', replayed'}
          </span>
        </span>
        <Fate outcome={entry.outcome} />
        <span className="when">
          <Ago at={entry.at} />
          <span className="faint">
            {entry.replay ? '' : `in ${delay(Math.max(Date.parse(entry.at) - Date.parse(began), 0))}`}
          </span>
        </span>
      </a>
    </li>
  );
}
