// Outbound webhooks: filters and orders that the address keeps, and the list of messages as far as it has been loaded.

import type { Endpoint, EndpointState, EndpointStatus, Message, MessageFate, MessagesResponse } from '../api';

export const ENDPOINT_STATES: readonly EndpointState[] = ['active', 'paused', 'disabled', 'deleting'];

export const FATES: readonly MessageFate[] = [
  'open',
  'sent',
  'exhausted',
  'aborted',
  'expired',
  'discarded',
  'superseded',
];

export const SORTS = ['newest', 'type', 'url', 'state', 'success', 'waiting'] as const;

export type Sort = (typeof SORTS)[number];

export interface EndpointFilter {
  /** Part of a URL, a description or an id. */
  q: string;
  state: EndpointState | '';
  /** A type, or the beginning of some, as in `product.*`. */
  type: string;
  sort: Sort;
}

export const ALL_ENDPOINTS: EndpointFilter = { q: '', state: '', type: '', sort: 'newest' };

export interface MessageFilter {
  fate: MessageFate | '';
  type: string;
}

export const ALL_MESSAGES: MessageFilter = { fate: '', type: '' };

export function endpointsQuery({ q, state, type, sort }: EndpointFilter): URLSearchParams {
  return query({ q, state, type, sort: sort === 'newest' ? '' : sort });
}

export function readEndpointFilter(text: string): EndpointFilter {
  const given = new URLSearchParams(text);
  return {
    q: given.get('q') ?? '',
    state: oneOf(ENDPOINT_STATES, given.get('state')) ?? '',
    type: given.get('type') ?? '',
    sort: oneOf(SORTS, given.get('sort')) ?? 'newest',
  };
}

export function messagesQuery({ fate, type }: MessageFilter): URLSearchParams {
  return query({ fate, type });
}

export function readMessageFilter(text: string): MessageFilter {
  const given = new URLSearchParams(text);
  return { fate: oneOf(FATES, given.get('fate')) ?? '', type: given.get('type') ?? '' };
}

function query(values: Record<string, string>): URLSearchParams {
  return new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ''));
}

function oneOf<T extends string>(known: readonly T[], given: string | null): T | undefined {
  return known.find((one) => one === given);
}

/** Returns true if a pattern, as in `product.*` or `*`, selects a type. */
export function selects(pattern: string, type: string): boolean {
  return pattern === '*' || pattern === type || (pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1)));
}

/** Returns true if two patterns have types in common. */
function overlap(pattern: string, other: string): boolean {
  return selects(pattern, other) || selects(other, pattern);
}

/** Returns the endpoints that match a filter, in its order. The health of an endpoint may not be known yet. */
export function shownEndpoints(
  endpoints: Endpoint[],
  filter: EndpointFilter,
  health: ReadonlyMap<string, EndpointStatus>,
): Endpoint[] {
  const q = filter.q.trim().toLowerCase();
  const matches = ({ id, state, settings }: Endpoint) =>
    `${settings.url}\n${settings.description ?? ''}\n${id}`.toLowerCase().includes(q) &&
    (filter.state === '' || filter.state === state) &&
    (filter.type === '' || settings.types.some((pattern) => overlap(pattern, filter.type)));
  const newestFirst = (a: Endpoint, b: Endpoint) => compare(b.created_at, a.created_at) || compare(a.id, b.id);
  const orders: Record<Sort, (a: Endpoint, b: Endpoint) => number> = {
    newest: newestFirst,
    type: (a, b) => compare(a.settings.types.join(), b.settings.types.join()),
    url: (a, b) => compare(a.settings.url, b.settings.url),
    state: (a, b) => urgency(a, health) - urgency(b, health),
    success: (a, b) => compare(lastSuccess(a, health), lastSuccess(b, health)),
    waiting: (a, b) => waiting(b, health) - waiting(a, health),
  };
  return endpoints.filter(matches).sort((a, b) => orders[filter.sort](a, b) || newestFirst(a, b));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Rank of an endpoint among those that need a person: disabled, failing, paused, the others. */
function urgency({ id, state }: Endpoint, health: ReadonlyMap<string, EndpointStatus>): number {
  if (state === 'disabled') return 0;
  if (state === 'active') return health.get(id)?.failing_since ? 1 : 3;
  return state === 'paused' ? 2 : 4;
}

function lastSuccess({ id }: Endpoint, health: ReadonlyMap<string, EndpointStatus>): string {
  return health.get(id)?.last_success_at ?? '';
}

function waiting({ id }: Endpoint, health: ReadonlyMap<string, EndpointStatus>): number {
  return health.get(id)?.queue.messages ?? 0;
}

export interface MessageList {
  messages: Message[];
  /** Cursor of further messages; null if there are none, undefined before the first page. */
  next: string | null | undefined;
}

export const NO_MESSAGES: MessageList = { messages: [], next: undefined };

/** Replaces the first page. What was loaded behind it stays, unless the new page shares nothing with it. */
export function withFirstPage(list: MessageList, page: MessagesResponse): MessageList {
  const last = page.messages.at(-1);
  const end = last === undefined ? -1 : list.messages.findIndex((one) => one.event === last.event);
  if (page.next === null || end === -1) return { messages: page.messages, next: page.next };
  const shown = new Set(page.messages.map((one) => one.event));
  const rest = list.messages.slice(end + 1).filter((one) => !shown.has(one.event));
  return { messages: [...page.messages, ...rest], next: rest.length === 0 ? page.next : list.next };
}

/** Adds the next page. */
export function withNextPage(list: MessageList, page: MessagesResponse): MessageList {
  const known = new Set(list.messages.map((one) => one.event));
  return { messages: [...list.messages, ...page.messages.filter((one) => !known.has(one.event))], next: page.next };
}
