// Events of a store: their filter, which the address keeps, and the list as far as it has been loaded.

import type { EventSummary, EventsResponse } from '../api';

export interface EventsFilter {
  /** A type, or the beginning of some, as in `product.*`. Empty for all. */
  type: string;
  /** Kind and id of a thing, as in `product#788`. Empty for all. */
  subject: string;
  /** Id of the delivery that caused them. Empty for all. */
  cause: string;
}

export const ALL_EVENTS: EventsFilter = { type: '', subject: '', cause: '' };

const FILTERS = ['type', 'subject', 'cause'] as const;

/** Returns the query of a filter, for an address and for the API. */
export function eventsQuery(filter: EventsFilter): URLSearchParams {
  return new URLSearchParams(FILTERS.filter((name) => filter[name] !== '').map((name) => [name, filter[name]]));
}

/** Reads the filter of a query. */
export function readFilter(query: string): EventsFilter {
  const given = new URLSearchParams(query);
  const [type = '', subject = '', cause = ''] = FILTERS.map((name) => given.get(name) ?? '');
  return { type, subject, cause };
}

export interface EventList {
  /** Newest first: ids sort by time. */
  events: EventSummary[];
  /** Cursor of older events; null if there are none, undefined before the first page. */
  next: string | null | undefined;
}

export const NO_EVENTS: EventList = { events: [], next: undefined };

/** Puts the newest page on top. If it shares nothing with the list, there may be a gap: only the page stays. */
export function withNewest(list: EventList, page: EventsResponse): EventList {
  const [newest, oldest] = [list.events[0], page.events.at(-1)];
  if (list.next === undefined || page.next === null) return { events: page.events, next: page.next };
  if (oldest === undefined) return list.events.length === 0 ? { events: [], next: page.next } : list;
  if (newest === undefined || newest.id < oldest.id) return { events: page.events, next: page.next };
  return { events: [...page.events, ...list.events.filter((event) => event.id < oldest.id)], next: list.next };
}

/** Adds the page of older events. */
export function withOlder(list: EventList, page: EventsResponse): EventList {
  return { events: [...list.events, ...page.events], next: page.next };
}

/** Beginnings that several types share, as in `product.*`, and the types, for a choice. */
export function choices(types: string[]): string[] {
  const families = new Set(types.map((type) => `${type.split('.')[0] ?? ''}.*`));
  return [...families, ...types.filter((type) => !type.endsWith('.*'))].sort();
}
