import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import type { EventSummary } from '../api';
import { ApiError } from '../data/client';
import {
  ALL_EVENTS,
  type EventList,
  type EventsFilter,
  NO_EVENTS,
  choices,
  withNewest,
  withOlder,
} from '../data/events';
import type { Panel } from '../data/panel';
import { endpointsRoute, eventsRoute, hashOf } from '../data/route';
import type { PanelState } from '../data/state';
import { Throttle } from '../data/throttle';
import { ALL_ENDPOINTS } from '../data/webhooks';
import { Ago, Card } from './bits';
import { Event } from './Event';
import { plural } from './format';
import { kindWords } from './words';

/** Time from a change of the store until its events are kept. */
const KEPT_AFTER_MS = 1_000;
/** Shortest interval between two reads of the newest events. */
const READ_EVERY_MS = 2_000;
/** Interval of reading the newest events without a change of the store: reconciliation and people make some, too. */
const REFRESH_EVERY_MS = 10_000;

export function EventsPage({
  panel,
  state,
  store,
  place,
}: {
  panel: Panel;
  state: PanelState;
  store: string;
  place: { filter: EventsFilter; id: string | null };
}) {
  const { filter, id } = place;
  const key = JSON.stringify(filter);
  return (
    <>
      <Card title="Events" aside={<Filters key={key} panel={panel} store={store} filter={filter} />}>
        <Loaded key={key} panel={panel} state={state} store={store} filter={filter} />
      </Card>
      {id !== null && (
        <Event
          key={id}
          panel={panel}
          store={store}
          id={id}
          reachable={state.reachable}
          onClose={() => panel.go(eventsRoute(store, filter))}
        />
      )}
    </>
  );
}

function Filters({ panel, store, filter }: { panel: Panel; store: string; filter: EventsFilter }) {
  const [types, setTypes] = useState<string[]>([]);
  const [subject, setSubject] = useState(filter.subject);
  const ids = { type: useId(), subject: useId() };
  useEffect(() => {
    const leaving = new AbortController();
    panel.client.eventTypes(leaving.signal).then(
      (response) => setTypes(choices(response.event_types.map((one) => one.type))),
      // Without the types, the list has no filter by type.
      () => {},
    );
    return () => leaving.abort();
  }, [panel]);
  const show = (change: Partial<EventsFilter>) => panel.go(eventsRoute(store, { ...filter, ...change }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    show({ subject: subject.trim() });
  };
  const offered = filter.type === '' || types.includes(filter.type) ? types : [filter.type, ...types];
  return (
    <form className="row" onSubmit={submit}>
      <div className="field inline">
        <label htmlFor={ids.type}>Type</label>
        <select id={ids.type} value={filter.type} onChange={(event) => show({ type: event.target.value })}>
          <option value="">All</option>
          {offered.map((type) => (
            <option key={type} value={type}>
              {type}
            </option>
          ))}
        </select>
      </div>
      <div className="field inline">
        <label htmlFor={ids.subject}>Subject</label>
        <input
          id={ids.subject}
          type="search"
          value={subject}
          spellCheck={false}
          placeholder="product#788032119674292922"
          onChange={(event) => setSubject(event.target.value)}
        />
      </div>
      <button type="submit" className="small">
        Show
      </button>
    </form>
  );
}

function Loaded({
  panel,
  state,
  store,
  filter,
}: {
  panel: Panel;
  state: PanelState;
  store: string;
  filter: EventsFilter;
}) {
  const [list, setList] = useState<EventList>(NO_EVENTS);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const leaving = useRef<AbortController>(null);
  const reload = useRef<Throttle>(null);
  useEffect(() => {
    const requests = new AbortController();
    leaving.current = requests;
    const read = async () => {
      try {
        const page = await panel.client.events(store, filter, null, requests.signal);
        setList((known) => withNewest(known, page));
        setError(null);
      } catch (failure) {
        if (!requests.signal.aborted && failure instanceof ApiError) setError(failure);
      }
    };
    const throttle = new Throttle(READ_EVERY_MS, () => void read());
    reload.current = throttle;
    throttle.schedule();
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') throttle.schedule();
    }, REFRESH_EVERY_MS);
    return () => {
      requests.abort();
      throttle.cancel();
      clearInterval(timer);
    };
    // The filter is in the key of this component.
    // oxlint-disable-next-line react/exhaustive-deps, react/exhaustive-effect-dependencies
  }, [panel, store]);
  const seq = state.view?.status?.seq;
  const { reachable } = state;
  useEffect(() => {
    const timer = setTimeout(() => reload.current?.schedule(), KEPT_AFTER_MS);
    return () => clearTimeout(timer);
    // Each change of the store may have made events, and the server may answer again.
    // oxlint-disable-next-line react/exhaustive-deps, react/exhaustive-effect-dependencies
  }, [seq, reachable]);
  const older = async () => {
    if (!list.next) return;
    setBusy(true);
    try {
      const page = await panel.client.events(store, filter, list.next, leaving.current?.signal);
      setList((known) => withOlder(known, page));
    } catch (failure) {
      if (failure instanceof ApiError) setError(failure);
    }
    setBusy(false);
  };
  return (
    <>
      {filter.cause !== '' && (
        <p>
          Caused by the delivery <code>{filter.cause}</code>.{' '}
          <a href={hashOf(eventsRoute(store, { ...filter, cause: '' }))}>Show those of all deliveries.</a>
        </p>
      )}
      {error !== null && (error.status !== 0 || reachable) && (
        <p role="alert" className="banner bad">
          {error.message}
        </p>
      )}
      <p role="status" className="hidden">
        {list.next === undefined ? '' : `${plural(list.events.length, 'event')} shown`}
      </p>
      {list.next === undefined
        ? error === null && <p className="faint">Loading…</p>
        : list.events.length === 0 && <p className="empty">{emptyText(filter, list.next !== null)}</p>}
      {list.events.length > 0 && <Rows store={store} filter={filter} events={list.events} />}
      {list.next && (
        <p className="more">
          <button type="button" disabled={busy} onClick={() => void older()}>
            {busy ? 'Loading…' : 'Show older events'}
          </button>
        </p>
      )}
    </>
  );
}

export function emptyText({ type, subject, cause }: EventsFilter, hasMore: boolean): string {
  if (hasMore) return 'None of the latest events matches. There are older ones.';
  if (type !== '' || subject !== '' || cause !== '') return 'No event matches.';
  return 'No event. Events are published for stores that somebody listens to, and kept for some days.';
}

export function Rows({ store, filter, events }: { store: string; filter: EventsFilter; events: EventSummary[] }) {
  return (
    <ul className="feed" aria-label="Latest events">
      {events.map((event) => (
        <li key={event.id} data-event={event.id} data-type={event.type}>
          <a href={hashOf(eventsRoute(store, filter, event.id))}>
            <span className="what">
              <span className="subject">{event.type}</span>
              <span className="topic">
                {kindWords(event.subject.kind)} {event.subject.id}
              </span>
            </span>
            <span className="topic">{event.changed?.join(', ')}</span>
            <span className="when">
              <Ago at={event.timestamp} />
              <span className="faint">{event.cause?.topic ?? 'published by hand'}</span>
            </span>
          </a>
        </li>
      ))}
    </ul>
  );
}

/** Pages of a store. */
export function StoreTabs({ store, shown }: { store: string; shown: 'store' | 'events' | 'webhooks' }) {
  return (
    <nav className="tabs" aria-label="Pages of the store">
      <a href={hashOf({ store, delivery: null })} aria-current={shown === 'store' ? 'page' : undefined}>
        Overview
      </a>
      <a href={hashOf(eventsRoute(store, ALL_EVENTS))} aria-current={shown === 'events' ? 'page' : undefined}>
        Events
      </a>
      <a href={hashOf(endpointsRoute(store, ALL_ENDPOINTS))} aria-current={shown === 'webhooks' ? 'page' : undefined}>
        Webhooks
      </a>
    </nav>
  );
}
