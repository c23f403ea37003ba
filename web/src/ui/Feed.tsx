import { useId, useState } from 'react';
import type { ActivityEntry, Outcome } from '../api';
import type { Panel } from '../data/panel';
import { hashOf } from '../data/route';
import { MAX_FEED_ENTRIES, type StoreView, keyOf } from '../data/view';
import { Ago, Card, OutcomeTag } from './bits';
import { count, delay } from './format';
import { OUTCOMES, kindWords } from './words';

/** Rows shown at first, and added with each click. */
const ROWS_PER_PAGE = 20;

const ALL_OUTCOMES = Object.keys(OUTCOMES) as Outcome[];

export function Feed({ panel, view }: { panel: Panel; view: StoreView }) {
  const [filter, setFilter] = useState<Outcome | ''>('');
  const [rows, setRows] = useState(ROWS_PER_PAGE);
  const [busy, setBusy] = useState(false);
  const id = useId();
  const shown = filter === '' ? view.deliveries : view.deliveries.filter((entry) => entry.outcome === filter);
  const more =
    view.hasFeed &&
    view.olderCursor !== null &&
    (view.olderCursor !== undefined || view.deliveries.length >= MAX_FEED_ENTRIES);
  const showMore = async () => {
    setRows(rows + ROWS_PER_PAGE);
    if (rows + ROWS_PER_PAGE <= shown.length || !more) return;
    setBusy(true);
    await panel.commands.olderDeliveries();
    setBusy(false);
  };
  return (
    <Card
      title="Deliveries"
      className="feed-card"
      aside={
        <div className="field inline">
          <label htmlFor={id}>Outcome</label>
          <select id={id} value={filter} onChange={(event) => setFilter(event.target.value as Outcome | '')}>
            <option value="">All ({count(view.deliveries.length)})</option>
            {ALL_OUTCOMES.map((outcome) => (
              <option key={outcome} value={outcome}>
                {OUTCOMES[outcome].name} ({count(view.deliveries.filter((entry) => entry.outcome === outcome).length)})
              </option>
            ))}
          </select>
        </div>
      }
    >
      {shown.length === 0 ? (
        <p className="empty">{emptyText(view, filter)}</p>
      ) : (
        <ul className="feed" aria-label="Latest deliveries">
          {shown.slice(0, rows).map((entry) => (
            <Row key={keyOf(entry)} store={view.store} entry={entry} />
          ))}
        </ul>
      )}
      {(more || rows < shown.length) && (
        <p className="more">
          <button type="button" disabled={busy} onClick={() => void showMore()}>
            {busy
              ? 'Loading…'
              : view.olderCursor === undefined && rows >= shown.length
                ? 'Start again from the newest'
                : 'Show older deliveries'}
          </button>
        </p>
      )}
    </Card>
  );
}

function emptyText(view: StoreView, filter: Outcome | ''): string {
  if (!view.hasFeed) return view.feedError ?? 'Loading…';
  if (filter !== '') return `None of these deliveries is ${OUTCOMES[filter].name.toLowerCase()}.`;
  return 'No delivery in the last week. Change a product in the store: the delivery appears here within seconds.';
}

/** Names the entity that an entry is about. */
export function subjectOf(entry: ActivityEntry): string {
  if (!entry.subject) return 'Unreadable payload';
  const { kind, id, title } = entry.subject;
  return title ?? `${kindWords(kind)} ${id}`;
}

function Row({ store, entry }: { store: string; entry: ActivityEntry }) {
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
        <OutcomeTag outcome={entry.outcome} />
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
