// Address of a place in the panel: `#/`, `#/stores/<name>`, `#/stores/<name>/deliveries/<topic>/<id>`,
// `#/stores/<name>/events?type=…&subject=…&cause=…`, `#/stores/<name>/events/<id>?…`.

import { type EventsFilter, eventsQuery, readFilter } from './events';
import { storeLabel } from './shop';

export interface Route {
  /** Null on the list of stores. */
  store: string | null;
  delivery: { topic: string; id: string } | null;
  /** Filter of the store's events, and the event that is open; absent on any other page. */
  events?: { filter: EventsFilter; id: string | null };
}

export const LIST: Route = { store: null, delivery: null };

/** Returns the route of a store's events under a filter, with one of them open or none. */
export function eventsRoute(store: string, filter: EventsFilter, id: string | null = null): Route {
  return { store, delivery: null, events: { filter, id } };
}

/** Reads a location's hash. Returns null if it is no address of ours. */
export function readRoute(hash: string): Route | null {
  const [path = '', query] = hash.split(/\?(.*)/s);
  const parts = path.replace(/^#\/?/, '').split('/').filter(Boolean).map(decoded);
  if (!hash.startsWith('#/') || parts.includes(null)) return null;
  const [head, store, next, ...rest] = parts as string[];
  if (query !== undefined && next !== 'events') return null;
  if (head === undefined) return LIST;
  if (head !== 'stores') return null;
  if (store === undefined) return LIST;
  const name = storeLabel(store);
  if (name === null) return null;
  if (next === undefined) return { store: name, delivery: null };
  const [first, second, ...more] = rest;
  if (more.length > 0) return null;
  if (next === 'events' && second === undefined) return eventsRoute(name, readFilter(query ?? ''), first ?? null);
  if (next === 'deliveries' && first !== undefined && second !== undefined)
    return { store: name, delivery: { topic: first, id: second } };
  return null;
}

export function hashOf(route: Route): string {
  if (route.store === null) return '#/';
  const store = `#/stores/${encodeURIComponent(route.store)}`;
  if (route.events !== undefined) {
    const { filter, id } = route.events;
    const query = eventsQuery(filter).toString();
    return `${store}/events${id === null ? '' : `/${encodeURIComponent(id)}`}${query === '' ? '' : `?${query}`}`;
  }
  if (route.delivery === null) return store;
  return `${store}/deliveries/${encodeURIComponent(route.delivery.topic)}/${encodeURIComponent(route.delivery.id)}`;
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
