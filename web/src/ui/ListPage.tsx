import { useEffect, useId, useState } from 'react';
import type { Receiver, StoreState, StoreSummary } from '../api';
import type { Panel } from '../data/panel';
import type { PanelState } from '../data/state';
import { countOf } from '../data/list';
import { hashOf } from '../data/route';
import { Ago, Copy, Dot, StoreName } from './bits';
import { count, plural } from './format';

const FILTERS: { state: StoreState | null; name: string }[] = [
  { state: null, name: 'All' },
  { state: 'attention', name: 'Attention' },
  { state: 'live', name: 'Live' },
  { state: 'idle', name: 'Idle' },
];
/** Pause after which a search is sent: people type faster. */
const SEARCH_DELAY_MS = 200;

export function ListPage({ panel, state }: { panel: Panel; state: PanelState }) {
  const { list, listError } = state;
  const { commands } = panel;
  const [q, setQ] = useState(list.filter.q);
  const [busy, setBusy] = useState(false);
  const id = useId();
  useEffect(() => {
    const timer = setTimeout(
      () => commands.filterStores({ ...panel.snapshot().list.filter, q: q.trim().toLowerCase() }),
      SEARCH_DELAY_MS,
    );
    return () => clearTimeout(timer);
  }, [panel, commands, q]);
  const more = async () => {
    setBusy(true);
    await commands.moreStores();
    setBusy(false);
  };
  const filtered = list.filter.q !== '' || list.filter.state !== null;
  return (
    <>
      <div className="page-head">
        <h1>Stores</h1>
      </div>
      <div className="tools">
        <div className="field">
          <label htmlFor={id}>Search stores</label>
          <input id={id} type="search" value={q} spellCheck={false} onChange={(event) => setQ(event.target.value)} />
        </div>
        <fieldset className="choice">
          <legend>Show</legend>
          {FILTERS.map((filter) => (
            <label key={filter.name} data-state={filter.state ?? 'all'}>
              <input
                type="radio"
                name={id}
                checked={list.filter.state === filter.state}
                onChange={() => commands.filterStores({ ...list.filter, state: filter.state })}
              />
              <span>
                {filter.name} <Count value={countOf(list, filter.state)} />
              </span>
            </label>
          ))}
        </fieldset>
      </div>
      {listError !== null && state.reachable && (
        <p className="banner bad" role="alert">
          {listError.message}{' '}
          <button type="button" className="small" onClick={() => commands.retry()}>
            Try again
          </button>
        </p>
      )}
      <p role="status" className="hidden">
        {list.loaded
          ? `${plural(list.stores.length, 'store')} shown${list.next === null ? '' : ', and there are more'}`
          : ''}
      </p>
      {!list.loaded && listError === null && state.reachable && <p className="faint">Loading…</p>}
      {list.loaded &&
        list.stores.length === 0 &&
        (filtered ? <NoMatches /> : <NoStores receivers={state.me.receivers} />)}
      {/* On a phone the style sheet turns the rows into cards. The roles keep it a table for screen readers. */}
      {list.stores.length > 0 && (
        <table className="stores" role="table">
          <caption className="hidden">Stores, by name</caption>
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader" scope="col">
                Store
              </th>
              <th role="columnheader" scope="col">
                State
              </th>
              <th role="columnheader" scope="col">
                Last event
              </th>
              <th role="columnheader" scope="col" className="wide">
                Last sync
              </th>
              <th role="columnheader" scope="col" className="number">
                24 h
              </th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {list.stores.map((summary) => (
              <tr role="row" key={summary.store} data-store={summary.store}>
                <th role="rowheader" scope="row">
                  <a href={hashOf({ store: summary.store, delivery: null })}>
                    <StoreName store={summary.store} />
                  </a>
                  {summary.state === 'attention' && <span className="why">{summary.why}</span>}
                </th>
                <td role="cell">
                  <Dot state={summary.state} />
                  {summary.dead_letters + summary.retrying > 0 && <span className="why">{failedText(summary)}</span>}
                </td>
                <td role="cell">
                  <Ago at={summary.last_event_at} />
                </td>
                <td role="cell" className="wide">
                  <Ago at={summary.last_sync_at} />
                </td>
                <td role="cell" className="number">
                  {count(summary.events_24h)}
                  <span className="narrow"> in 24 h</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {list.next !== null && (
        <p className="more">
          <button type="button" disabled={busy} onClick={() => void more()}>
            {busy ? 'Loading…' : 'Show more stores'}
          </button>
        </p>
      )}
    </>
  );
}

function failedText({ dead_letters, retrying }: StoreSummary): string {
  const parts = [
    ...(dead_letters > 0 ? [plural(dead_letters, 'dead letter')] : []),
    ...(retrying > 0 ? [`${count(retrying)} retrying`] : []),
  ];
  return parts.join(', ');
}

function Count({ value }: { value: number | null }) {
  return value === null ? null : <span className="count">{count(value)}</span>;
}

function NoMatches() {
  return <p className="empty">No store matches. Search for a part of a name, or show all stores.</p>;
}

function NoStores({ receivers }: { receivers: Receiver[] }) {
  const receiver = receivers.find(({ topic }) => topic === 'products/update') ?? receivers[0];
  return (
    <div className="empty" data-testid="no-stores">
      <h2>No store yet</h2>
      <p>A store appears here with its first verified webhook.</p>
      {receiver !== undefined && (
        <>
          <p>
            Send your app’s <code>{receiver.topic}</code> webhooks to
          </p>
          <p className="url">
            <code>{receiver.url}</code> <Copy text={receiver.url} name="the receiver’s URL" />
          </p>
        </>
      )}
      <p>
        Or run <code>hookline store add</code> and <code>hookline webhooks register</code>. On your own machine,{' '}
        <code>make replay</code> sends five sample webhooks.
      </p>
    </div>
  );
}
