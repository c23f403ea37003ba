import { type ReactNode, useCallback, useEffect, useId, useState } from 'react';
import type { Endpoint, EndpointState, EndpointStatus } from '../../api';
import { choices } from '../../data/events';
import { resourcesOf } from '../../data/catalog';
import { endpointRoute, endpointsRoute, hashOf } from '../../data/route';
import {
  ALL_ENDPOINTS,
  ENDPOINT_STATES,
  type EndpointFilter,
  SORTS,
  type Sort,
  shownEndpoints,
} from '../../data/webhooks';
import { Ago, Card } from '../bits';
import { plural } from '../format';
import { type Place, ReadError, StateBadge } from './bits';
import { EndpointForm } from './EndpointForm';
import { EndpointMenu, waitingText } from './EndpointMenu';
import { useHealth } from './health';
import { SORT_NAMES, STATE_NAMES, resourceName } from './names';
import { usePolled } from './polled';

/** Rows shown at first, and added at each request for more. */
const PER_PAGE = 50;
const MAX_PATTERNS = 3;

/** Shows the endpoints under a changed filter, with an entry in the history or without. */
type Show = (change: Partial<EndpointFilter>, replace?: boolean) => void;

export function EndpointList({ place, filter }: { place: Place; filter: EndpointFilter }) {
  const { panel, owner, types } = place;
  const list = usePolled(
    useCallback((signal: AbortSignal) => panel.client.webhooks.list(owner, signal), [panel, owner]),
  );
  const [creating, setCreating] = useState(false);
  const [rows, setRows] = useState(PER_PAGE);
  const { health, follow } = useHealth(place);
  const endpoints = list.value?.endpoints ?? [];
  const matching = shownEndpoints(endpoints, filter, health);
  const shown = matching.slice(0, rows);
  useEffect(() => follow(shown.map(({ id }) => id)));
  const show: Show = (change, replace) => {
    setRows(PER_PAGE);
    panel.go(endpointsRoute(owner, { ...filter, ...change }), replace);
  };
  const most = list.value?.most ?? 0;
  const isFull = list.value !== null && endpoints.filter(({ state }) => state !== 'deleting').length >= most;
  const create = place.mayChange && (
    <button
      type="button"
      className="primary"
      disabled={!place.reachable || isFull}
      title={isFull ? `There are ${plural(most, 'webhook')}, which is the most. Delete one first.` : undefined}
      onClick={() => setCreating(true)}
    >
      Create a webhook
    </button>
  );
  return (
    <>
      <Card title={owner === null ? 'Endpoints' : 'Webhooks'} aside={endpoints.length > 0 ? create : undefined}>
        <ReadError error={list.error} reachable={place.reachable} />
        {list.value === null && list.error === null && place.reachable && <p className="faint">Loading…</p>}
        {list.value !== null && endpoints.length === 0 && <NoEndpoints owner={owner}>{create}</NoEndpoints>}
        {endpoints.length > 0 && (
          <>
            <Tools place={place} filter={filter} show={show} />
            <p role="status" className="hidden">
              {plural(matching.length, 'webhook')} found
            </p>
            {shown.length === 0 ? (
              <p className="empty">
                No webhook matches. <a href={hashOf(endpointsRoute(owner, ALL_ENDPOINTS))}>Show all</a>
              </p>
            ) : (
              <table className="stores endpoints" role="table">
                <caption className="hidden">Webhooks. {SORT_NAMES[filter.sort]}</caption>
                <thead role="rowgroup">
                  <tr role="row">
                    <Column>Resource</Column>
                    <Column sort="type" filter={filter} show={show}>
                      Events
                    </Column>
                    <Column sort="url" filter={filter} show={show}>
                      URL
                    </Column>
                    <Column sort="state" filter={filter} show={show}>
                      Status
                    </Column>
                    <Column sort="success" filter={filter} show={show}>
                      Last success
                    </Column>
                    <Column sort="waiting" filter={filter} show={show}>
                      Waiting
                    </Column>
                    <Column>
                      <span className="hidden">Actions</span>
                    </Column>
                  </tr>
                </thead>
                <tbody role="rowgroup">
                  {shown.map((endpoint) => (
                    <Row
                      key={endpoint.id}
                      place={place}
                      endpoint={endpoint}
                      status={health.get(endpoint.id) ?? null}
                      resources={resourcesOf(endpoint.settings.types, types)}
                      onChanged={list.refresh}
                    />
                  ))}
                </tbody>
              </table>
            )}
            {matching.length > shown.length && (
              <p className="more">
                <button type="button" onClick={() => setRows(rows + PER_PAGE)}>
                  Show more webhooks
                </button>{' '}
                <span className="faint">
                  {shown.length} of {plural(matching.length, 'webhook')}
                </span>
              </p>
            )}
          </>
        )}
      </Card>
      {creating && (
        <EndpointForm place={place} endpoint={null} onChanged={list.refresh} onClose={() => setCreating(false)} />
      )}
    </>
  );
}

function Tools({ place, filter, show }: { place: Place; filter: EndpointFilter; show: Show }) {
  const id = useId();
  const offered = choices(place.types.map(({ type }) => type));
  const types = filter.type === '' || offered.includes(filter.type) ? offered : [filter.type, ...offered];
  return (
    <div className="tools">
      <div className="field">
        <label htmlFor={`${id}-q`}>Search webhooks</label>
        <input
          id={`${id}-q`}
          type="search"
          value={filter.q}
          spellCheck={false}
          placeholder="URL or description"
          onChange={(event) => show({ q: event.target.value }, true)}
        />
      </div>
      <Select
        id={`${id}-state`}
        label="Status"
        value={filter.state}
        options={[['', 'All'], ...ENDPOINT_STATES.map((state): [string, string] => [state, STATE_NAMES[state]])]}
        onChange={(state) => show({ state: state as EndpointState | '' })}
      />
      <Select
        id={`${id}-type`}
        label="Event"
        value={filter.type}
        options={[['', 'All'], ...types.map((type): [string, string] => [type, type])]}
        onChange={(type) => show({ type })}
      />
      <Select
        id={`${id}-sort`}
        label="Sort by"
        value={filter.sort}
        options={SORTS.map((sort) => [sort, SORT_NAMES[sort]])}
        onChange={(sort) => show({ sort: sort as Sort })}
      />
    </div>
  );
}

/** Choice from a list, with its label above. */
export function Select({
  id,
  label,
  value,
  options,
  onChange,
}: {
  id: string;
  label: string;
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
}) {
  return (
    <div className="field choose">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Head of a column. One that has an order is a button: pressed again, it goes back to the newest first. */
function Column({
  children,
  sort,
  filter,
  show,
}: {
  children: ReactNode;
  sort?: Sort;
  filter?: EndpointFilter;
  show?: Show;
}) {
  const on = sort !== undefined && filter?.sort === sort;
  const descends = sort === 'waiting';
  return (
    <th role="columnheader" scope="col" aria-sort={on ? (descends ? 'descending' : 'ascending') : undefined}>
      {sort === undefined ? (
        children
      ) : (
        <button type="button" className="sort" onClick={() => show?.({ sort: on ? 'newest' : sort })}>
          {children} {on && <span aria-hidden="true">{descends ? '↓' : '↑'}</span>}
        </button>
      )}
    </th>
  );
}

export function Row({
  place,
  endpoint,
  status,
  resources,
  onChanged,
}: {
  place: Place;
  endpoint: Endpoint;
  status: EndpointStatus | null;
  resources: string[] | null;
  onChanged: () => void;
}) {
  const { id, settings, state } = endpoint;
  const hidden = settings.types.length - MAX_PATTERNS;
  return (
    <tr role="row" data-endpoint={id} data-state={state}>
      <td role="cell" className="resource">
        {resources === null ? 'Everything' : resources.map(resourceName).join(', ')}
      </td>
      <td role="cell" className="types">
        <span className="narrow faint">Events: </span>
        {settings.types.slice(0, MAX_PATTERNS).join(', ')}
        {hidden > 0 && ` and ${hidden} more`}
        {(settings.conditions?.length ?? 0) > 0 && (
          <span className="why">{plural(settings.conditions?.length ?? 0, 'condition')}</span>
        )}
      </td>
      <th role="rowheader" scope="row">
        <a href={hashOf(endpointRoute(place.owner, id))}>{settings.url}</a>
        {settings.description && <span className="why">{settings.description}</span>}
      </th>
      <td role="cell">
        <StateBadge endpoint={endpoint} />
        {state === 'active' && status?.failing_since && (
          <span className="why bad">
            Failing: first failure <Ago at={status.failing_since} />
          </span>
        )}
        {endpoint.state_reason !== null && <span className="why">{endpoint.state_reason}</span>}
      </td>
      <td role="cell">
        <span className="narrow faint">Last success: </span>
        {status === null ? <span className="faint">…</span> : <Ago at={status.last_success_at} />}
      </td>
      <td role="cell">
        <span className="narrow faint">Waiting: </span>
        {status === null ? <span className="faint">…</span> : <Waiting status={status} />}
      </td>
      <td role="cell" className="menu-cell">
        {place.mayChange && <EndpointMenu place={place} endpoint={endpoint} status={status} onChanged={onChanged} />}
      </td>
    </tr>
  );
}

function Waiting({ status }: { status: EndpointStatus }) {
  const { messages, oldest_at } = status.queue;
  if (messages === 0) return <span className="faint">nothing</span>;
  return (
    <>
      {waitingText(status)}
      {oldest_at !== null && (
        <span className="why">
          oldest <Ago at={oldest_at} />
        </span>
      )}
    </>
  );
}

function NoEndpoints({ owner, children }: { owner: Place['owner']; children: ReactNode }) {
  return (
    <div className="empty explained" data-testid="no-endpoints">
      <h2>No webhook yet</h2>
      <p>
        A webhook sends {owner === null ? 'the events of all stores' : 'events of this store'} to your own server as
        they happen: a product changes, an order is placed. You choose which. Each request is signed, and tried again
        until your server takes it.
      </p>
      <p>{children}</p>
    </div>
  );
}
