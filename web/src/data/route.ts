// Address of a place in the panel: `#/`, `#/stores/<name>`, `#/stores/<name>/deliveries/<topic>/<id>`,
// `#/stores/<name>/events?type=…&subject=…&cause=…`, `#/stores/<name>/events/<id>?…`,
// `#/stores/<name>/webhooks?q=…&state=…&type=…&sort=…`, `#/stores/<name>/webhooks/<endpoint>?fate=…&type=…`,
// `#/stores/<name>/webhooks/<endpoint>/<event>?…`; `#/webhooks…` for endpoints of all stores.

import { type EventsFilter, eventsQuery, readFilter } from './events';
import { storeLabel } from './shop';
import {
  ALL_MESSAGES,
  type EndpointFilter,
  type MessageFilter,
  endpointsQuery,
  messagesQuery,
  readEndpointFilter,
  readMessageFilter,
} from './webhooks';
import type { Owner } from './webhooks-client';

/** Page of outbound webhooks: the endpoints under a filter, or one of them with its messages, one of which may be open. */
export type WebhooksPlace =
  { endpoint: null; filter: EndpointFilter } | { endpoint: string; filter: MessageFilter; message: string | null };

export interface Route {
  /** Null on the list of stores. */
  store: string | null;
  delivery: { topic: string; id: string } | null;
  /** Filter of the store's events, and the event that is open; absent on any other page. */
  events?: { filter: EventsFilter; id: string | null };
  /** Outbound webhooks of the store, or of all stores if there is none; absent on any other page. */
  webhooks?: WebhooksPlace;
}

export const LIST: Route = { store: null, delivery: null };

/** Returns the route of a store's events under a filter, with one of them open or none. */
export function eventsRoute(store: string, filter: EventsFilter, id: string | null = null): Route {
  return { store, delivery: null, events: { filter, id } };
}

/** Returns the route of the endpoints of a store, or of all stores, under a filter. */
export function endpointsRoute(owner: Owner, filter: EndpointFilter): Route {
  return { store: owner, delivery: null, webhooks: { endpoint: null, filter } };
}

/** Returns the route of an endpoint, with its messages under a filter and one of them open or none. */
export function endpointRoute(
  owner: Owner,
  endpoint: string,
  filter: MessageFilter = ALL_MESSAGES,
  message: string | null = null,
): Route {
  return { store: owner, delivery: null, webhooks: { endpoint, filter, message } };
}

/** Reads a location's hash. Returns null if it is no address of ours. */
export function readRoute(hash: string): Route | null {
  const [path = '', query] = hash.split(/\?(.*)/s);
  const parts = path.replace(/^#\/?/, '').split('/').filter(Boolean).map(decoded);
  if (!hash.startsWith('#/') || parts.includes(null)) return null;
  const [head, store, next, ...rest] = parts as string[];
  if (head === 'webhooks') return readWebhooks(null, parts.slice(1) as string[], query);
  if (query !== undefined && next !== 'events' && next !== 'webhooks') return null;
  if (head === undefined) return LIST;
  if (head !== 'stores') return null;
  if (store === undefined) return LIST;
  const name = storeLabel(store);
  if (name === null) return null;
  if (next === undefined) return { store: name, delivery: null };
  if (next === 'webhooks') return readWebhooks(name, rest, query);
  const [first, second, ...more] = rest;
  if (more.length > 0) return null;
  if (next === 'events' && second === undefined) return eventsRoute(name, readFilter(query ?? ''), first ?? null);
  if (next === 'deliveries' && first !== undefined && second !== undefined)
    return { store: name, delivery: { topic: first, id: second } };
  return null;
}

function readWebhooks(owner: Owner, parts: string[], query = ''): Route | null {
  const [endpoint, message = null, ...more] = parts;
  if (more.length > 0) return null;
  if (endpoint === undefined) return endpointsRoute(owner, readEndpointFilter(query));
  return endpointRoute(owner, endpoint, readMessageFilter(query), message);
}

export function hashOf(route: Route): string {
  const store = route.store === null ? '#' : `#/stores/${encodeURIComponent(route.store)}`;
  if (route.webhooks !== undefined) return `${store}/webhooks${hashOfWebhooks(route.webhooks)}`;
  if (route.store === null) return '#/';
  if (route.events !== undefined) {
    const { filter, id } = route.events;
    const query = eventsQuery(filter).toString();
    return `${store}/events${id === null ? '' : `/${encodeURIComponent(id)}`}${query === '' ? '' : `?${query}`}`;
  }
  if (route.delivery === null) return store;
  return `${store}/deliveries/${encodeURIComponent(route.delivery.topic)}/${encodeURIComponent(route.delivery.id)}`;
}

function hashOfWebhooks(place: WebhooksPlace): string {
  const query = (place.endpoint === null ? endpointsQuery(place.filter) : messagesQuery(place.filter)).toString();
  const parts = place.endpoint === null ? [] : [place.endpoint, ...(place.message === null ? [] : [place.message])];
  return `${parts.map((part) => `/${encodeURIComponent(part)}`).join('')}${query === '' ? '' : `?${query}`}`;
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
