import { useCallback, useId, useState } from 'react';
import type { Endpoint, Message, MessageFate } from '../../api';
import { ApiError } from '../../data/client';
import { choices } from '../../data/events';
import { endpointRoute, hashOf } from '../../data/route';
import {
  FATES,
  type MessageFilter,
  type MessageList,
  NO_MESSAGES,
  withFirstPage,
  withNextPage,
} from '../../data/webhooks';
import { Ago, Card, useNow } from '../bits';
import { delay, plural, until } from '../format';
import { FateBadge, type Place, ReadError } from './bits';
import { Select } from './EndpointList';
import { FATE_NAMES, codeName } from './names';
import { usePolled } from './polled';

const PER_PAGE = 20;

/** Messages of an endpoint, newest first, and those that wait. */
export function Messages({ place, endpoint, filter }: { place: Place; endpoint: Endpoint; filter: MessageFilter }) {
  const { panel, owner, reachable, types } = place;
  const { id } = endpoint;
  const listId = useId();
  const [list, setList] = useState<MessageList>(NO_MESSAGES);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const { fate, type } = filter;
  const read = useCallback(
    async (signal: AbortSignal) => {
      const page = { cursor: null, limit: PER_PAGE };
      const first = await panel.client.webhooks.messages(owner, id, { fate, type }, page, signal);
      if (!signal.aborted) setList((known) => withFirstPage(known, first));
    },
    [panel, owner, id, fate, type],
  );
  const { error } = usePolled(read);
  const more = async (cursor: string) => {
    setBusy(true);
    setFailure(null);
    try {
      const page = await panel.client.webhooks.messages(owner, id, filter, { cursor, limit: PER_PAGE });
      setList((known) => withNextPage(known, page));
    } catch (problem) {
      if (problem instanceof ApiError) setFailure(problem);
    }
    setBusy(false);
  };
  const show = (change: Partial<MessageFilter>) => panel.go(endpointRoute(owner, id, { ...filter, ...change }));
  const offered = choices(types.map((one) => one.type));
  const typeOptions = type === '' || offered.includes(type) ? offered : [type, ...offered];
  const { next } = list;
  return (
    <Card title="Messages">
      <div className="tools">
        <Select
          id={`${listId}-fate`}
          label="Outcome"
          value={fate}
          options={[['', 'All that were tried'], ...FATES.map((one): [string, string] => [one, FATE_NAMES[one]])]}
          onChange={(value) => show(value === 'open' ? { fate: value, type: '' } : { fate: value as MessageFate | '' })}
        />
        {fate !== 'open' && (
          <Select
            id={`${listId}-type`}
            label="Event"
            value={type}
            options={[['', 'All'], ...typeOptions.map((one): [string, string] => [one, one])]}
            onChange={(value) => show({ type: value })}
          />
        )}
      </div>
      <ReadError error={error ?? failure} reachable={reachable} />
      <p role="status" className="hidden">
        {next === undefined ? '' : `${plural(list.messages.length, 'message')} shown`}
      </p>
      {next === undefined
        ? error === null && reachable && <p className="faint">Loading…</p>
        : list.messages.length === 0 && <p className="empty">{emptyText(filter, next !== null)}</p>}
      {list.messages.length > 0 && <Rows place={place} id={id} filter={filter} messages={list.messages} />}
      {next && (
        <p className="more">
          <button type="button" disabled={busy} onClick={() => void more(next)}>
            {busy ? 'Loading…' : 'Show more messages'}
          </button>
        </p>
      )}
    </Card>
  );
}

export function emptyText({ fate, type }: MessageFilter, hasMore: boolean): string {
  if (hasMore) return 'None of the latest messages matches. There are older ones.';
  if (fate === 'open') return 'Nothing waits.';
  if (fate !== '' || type !== '') return 'No message matches.';
  return 'No message has been sent or tried yet. Send a test from the menu, or wait for the next event.';
}

function Rows({
  place,
  id,
  filter,
  messages,
}: {
  place: Place;
  id: string;
  filter: MessageFilter;
  messages: Message[];
}) {
  return (
    <ul className="feed messages" aria-label="Messages">
      {messages.map((message) => {
        const last = message.attempts.at(-1);
        return (
          <li key={message.event} data-message={message.event} data-fate={message.fate}>
            <a href={hashOf(endpointRoute(place.owner, id, filter, message.event))}>
              <span className="what">
                <span className="subject">{message.type ?? 'Event no longer kept'}</span>
                <span className="topic">{place.owner === null ? message.store : message.event}</span>
              </span>
              <span className="result">
                <FateBadge fate={message.fate} />
                <span className="topic">
                  <Result message={message} />
                </span>
              </span>
              <span className="when">
                {last === undefined ? <span className="faint">not tried yet</span> : <Ago at={last.at} />}
                <span className="faint">{plural(message.attempts.length, 'attempt')}</span>
              </span>
            </a>
          </li>
        );
      })}
    </ul>
  );
}

function Result({ message: { fate, attempts, next_attempt_at } }: { message: Message }) {
  const now = useNow();
  const last = attempts.at(-1);
  const parts = [
    ...(last?.code ? [codeName(last.code)] : []),
    ...(last?.status ? [`${last.status} in ${delay(last.took_ms)}`] : []),
    ...(fate === 'open' && next_attempt_at !== null ? [`next attempt ${until(next_attempt_at, now)}`] : []),
  ];
  return parts.join(', ');
}
