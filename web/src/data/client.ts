// Client of the HTTP API. The token goes into a header, never into an address.

import type {
  DeliveriesResponse,
  DeliveryDetail,
  EventDetail,
  EventTypeDetail,
  EventTypesResponse,
  EventsResponse,
  Me,
  RedriveResponse,
  Remedy,
  SearchResponse,
  StoreState,
  StoreStatus,
  StoresResponse,
} from '../api';
import { type EventsFilter, eventsQuery } from './events';
import { type RequestOptions, WebhooksClient } from './webhooks-client';

const TIMEOUT_MS = 15_000;

/** A request that failed. `status` is 0 if there was no response. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** True if our function refused the request, and not the authorizer in front of it. */
    readonly fromFunction: boolean,
  ) {
    super(message);
    this.name = 'ApiError';
  }

  get isUnreachable(): boolean {
    return this.status === 0 || (this.status >= 500 && this.status !== 501);
  }

  /** True if the authorizer refused the token. `GET /api/me` says if that is final. */
  get isAccessDenied(): boolean {
    return this.status === 401 || (this.status === 403 && !this.fromFunction);
  }
}

/** Returns the bearer token for one request. */
export type Bearer = () => Promise<string>;

export interface ListQuery {
  q: string;
  state: StoreState | null;
  after?: string | null;
  limit?: number;
}

const REMEDY_PATHS: Record<Remedy, string> = { try_now: 'try-now', redrive: 'redrive', dismiss: 'dismiss' };

/** The API on behalf of one principal. */
export class Client {
  readonly webhooks = new WebhooksClient((method, path, options = {}) =>
    this.request(method, path, options.body, options.signal, options),
  );

  constructor(
    private readonly base: URL,
    private readonly bearer: Bearer,
    private readonly fetcher: typeof fetch = (...args) => fetch(...args),
  ) {}

  me = () => this.request<Me>('GET', 'api/me');

  stores(query: ListQuery, signal?: AbortSignal): Promise<StoresResponse> {
    const search = new URLSearchParams({ limit: String(query.limit ?? 50) });
    if (query.q !== '') search.set('q', query.q);
    if (query.state !== null) search.set('state', query.state);
    if (query.after) search.set('after', query.after);
    return this.request<StoresResponse>('GET', `api/stores?${search}`, undefined, signal);
  }

  status = (store: string, signal?: AbortSignal) =>
    this.request<StoreStatus>('GET', `${storePath(store)}/status`, undefined, signal);

  deliveries(store: string, before: number | null, limit = 50, signal?: AbortSignal): Promise<DeliveriesResponse> {
    const search = new URLSearchParams({ limit: String(limit) });
    if (before !== null) search.set('before', String(before));
    return this.request<DeliveriesResponse>('GET', `${storePath(store)}/deliveries?${search}`, undefined, signal);
  }

  delivery = (store: string, topic: string, id: string, signal?: AbortSignal) =>
    this.request<DeliveryDetail>(
      'GET',
      `${storePath(store)}/deliveries/${encodeURIComponent(id)}?topic=${encodeURIComponent(topic)}`,
      undefined,
      signal,
    );

  /** Reads a page of events, newest first: those before an id, or the newest. */
  events(store: string, filter: EventsFilter, before: string | null, signal?: AbortSignal): Promise<EventsResponse> {
    const search = eventsQuery(filter);
    if (before !== null) search.set('before', before);
    return this.request<EventsResponse>('GET', `${storePath(store)}/events?${search}`, undefined, signal);
  }

  event = (store: string, id: string, signal?: AbortSignal) =>
    this.request<EventDetail>('GET', `${storePath(store)}/events/${encodeURIComponent(id)}`, undefined, signal);

  eventTypes = (signal?: AbortSignal) => this.request<EventTypesResponse>('GET', 'api/event-types', undefined, signal);

  eventType = (type: string, signal?: AbortSignal) =>
    this.request<EventTypeDetail>('GET', `api/event-types/${encodeURIComponent(type)}`, undefined, signal);

  search = (store: string, q: string, signal?: AbortSignal) =>
    this.request<SearchResponse>(
      'GET',
      `${storePath(store)}/search?${new URLSearchParams({ q, limit: '20' })}`,
      undefined,
      signal,
    );

  replay = (store: string, topic: string, id: string) =>
    this.request<{ replay_id: string }>('POST', `${storePath(store)}/replay`, { topic, id });

  redrive = (store: string) => this.request<RedriveResponse>('POST', `${storePath(store)}/redrive`, {});

  /** Applies a remedy to one failed delivery. The server says in a sentence what it did. */
  remedy = (store: string, remedy: Remedy, topic: string, id: string) =>
    this.request<{ message: string }>('POST', `${storePath(store)}/${REMEDY_PATHS[remedy]}`, { topic, id });

  resync = (store: string) => this.request<unknown>('POST', `${storePath(store)}/resync`, {});

  reconcile = (store: string) => this.request<unknown>('POST', `${storePath(store)}/reconcile`, {});

  ticket = () => this.request<{ ticket: string; expires_in: number }>('POST', 'api/live/tickets', {});

  private async token(): Promise<string> {
    try {
      return await this.bearer();
    } catch {
      throw new ApiError(0, 'Shopify’s admin did not confirm who you are.', false);
    }
  }

  private async request<T>(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
    { ifMatch, timeoutMs = TIMEOUT_MS }: Pick<RequestOptions, 'ifMatch' | 'timeoutMs'> = {},
  ): Promise<T> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const headers: Record<string, string> = { authorization: `Bearer ${await this.token()}` };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (ifMatch !== undefined) headers['if-match'] = `"${ifMatch}"`;
    let response: Response;
    let text: string;
    try {
      response = await this.fetcher(new URL(path, this.base), {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        cache: 'no-store',
        credentials: 'omit',
        redirect: 'error',
        referrerPolicy: 'no-referrer',
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      text = await response.text();
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new ApiError(0, 'The server cannot be reached. Check your connection.', false);
    }
    const json = parsed(text);
    if (response.ok) {
      if (json === undefined && text !== '') throw new ApiError(502, messageFor(502), false);
      return json as T;
    }
    const reason = typeof json === 'object' && json !== null && 'error' in json ? String(json.error) : null;
    const message = reason === null ? messageFor(response.status) : asSentence(reason);
    throw new ApiError(response.status, message, reason !== null);
  }
}

/** Message for a response without one, as of the gateway. */
function messageFor(status: number): string {
  if (status === 401 || status === 403) return 'You do not have access to this.';
  if (status === 404) return 'This does not exist, or you do not have access to it.';
  if (status === 429) return 'Too many requests. Wait a moment, then try again.';
  return `The server failed (status ${status}). Try again in a moment.`;
}

function storePath(store: string): string {
  return `api/stores/${encodeURIComponent(store)}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Makes a sentence of an error of the API, which begins in lower case and ends without a full stop. */
export function asSentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}
