// Asks the HTTP API. The token goes into a header, never into an address.

import type { DeliveryPage, Fate, Found, Me, Redriven, Remedy, State, StorePage, StoreStatus } from '../api';

/** No answer within this many milliseconds is none. */
const PATIENCE = 15_000;

/** Why there is no answer. `status` 0: the server could not be reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Whether the function itself said no, and not the door before it. */
    readonly said: boolean,
  ) {
    super(message);
    this.name = 'Problem';
  }

  get unreachable(): boolean {
    return this.status === 0 || (this.status >= 500 && this.status !== 501);
  }

  /** Whether the door may be shut for good: `GET /api/me` tells. */
  get door(): boolean {
    return this.status === 401 || (this.status === 403 && !this.said);
  }
}

/** Gives the bearer token for one request. */
export type Bearer = () => Promise<string>;

export interface ListQuery {
  q: string;
  state: State | null;
  after?: string | null;
  limit?: number;
}

function sentence(status: number): string {
  if (status === 401 || status === 403) return 'You are not allowed to do this.';
  if (status === 404) return 'There is no such thing here.';
  if (status === 429) return 'Too many requests. Wait a moment, then try again.';
  return `The server could not answer (${status}). Try again in a moment.`;
}

/** The API, asked in one principal's name. */
export class Client {
  constructor(
    private readonly base: URL,
    private readonly bearer: Bearer,
    private readonly fetched: typeof fetch = (...args) => fetch(...args),
  ) {}

  me = () => this.ask<Me>('GET', 'api/me');

  stores(query: ListQuery, signal?: AbortSignal): Promise<StorePage> {
    const search = new URLSearchParams({ limit: String(query.limit ?? 50) });
    if (query.q !== '') search.set('q', query.q);
    if (query.state !== null) search.set('state', query.state);
    if (query.after) search.set('after', query.after);
    return this.ask<StorePage>('GET', `api/stores?${search}`, undefined, signal);
  }

  status = (store: string, signal?: AbortSignal) =>
    this.ask<StoreStatus>('GET', `${at(store)}/status`, undefined, signal);

  deliveries(store: string, before: number | null, limit = 50, signal?: AbortSignal): Promise<DeliveryPage> {
    const search = new URLSearchParams({ limit: String(limit) });
    if (before !== null) search.set('before', String(before));
    return this.ask<DeliveryPage>('GET', `${at(store)}/deliveries?${search}`, undefined, signal);
  }

  fate = (store: string, topic: string, id: string, signal?: AbortSignal) =>
    this.ask<Fate>(
      'GET',
      `${at(store)}/deliveries/${encodeURIComponent(id)}?topic=${encodeURIComponent(topic)}`,
      undefined,
      signal,
    );

  search = (store: string, q: string, signal?: AbortSignal) =>
    this.ask<Found>('GET', `${at(store)}/search?${new URLSearchParams({ q, limit: '20' })}`, undefined, signal);

  replay = (store: string, topic: string, id: string) =>
    this.ask<{ replay_id: string }>('POST', `${at(store)}/replay`, { topic, id });

  redrive = (store: string) => this.ask<Redriven>('POST', `${at(store)}/redrive`, {});

  /** Does something about one failed delivery; what came of it, in the server's words. */
  remedy = (store: string, remedy: Remedy, topic: string, id: string) =>
    this.ask<{ message: string }>('POST', `${at(store)}/${REMEDIES[remedy]}`, { topic, id });

  resync = (store: string) => this.ask<unknown>('POST', `${at(store)}/resync`, {});

  reconcile = (store: string) => this.ask<unknown>('POST', `${at(store)}/reconcile`, {});

  ticket = () => this.ask<{ ticket: string; expires_in: number }>('POST', 'api/live/tickets', {});

  private async token(): Promise<string> {
    try {
      return await this.bearer();
    } catch {
      throw new Problem(0, 'Shopify’s admin did not say who you are.', false);
    }
  }

  private async ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const patience = AbortSignal.timeout(PATIENCE);
    const headers: Record<string, string> = { authorization: `Bearer ${await this.token()}` };
    if (body !== undefined) headers['content-type'] = 'application/json';
    let response: Response;
    let text: string;
    try {
      response = await this.fetched(new URL(path, this.base), {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        cache: 'no-store',
        credentials: 'omit',
        redirect: 'error',
        referrerPolicy: 'no-referrer',
        signal: signal ? AbortSignal.any([signal, patience]) : patience,
      });
      text = await response.text();
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new Problem(0, 'The server cannot be reached. Check your connection.', false);
    }
    const answer = parsed(text);
    if (response.ok) {
      if (answer === undefined && text !== '') throw new Problem(502, sentence(502), false);
      return answer as T;
    }
    const said = typeof answer === 'object' && answer !== null && 'error' in answer ? String(answer.error) : null;
    throw new Problem(response.status, said === null ? sentence(response.status) : asSentence(said), said !== null);
  }
}

const REMEDIES: Record<Remedy, string> = { try_now: 'try-now', redrive: 'redrive', dismiss: 'dismiss' };

function at(store: string): string {
  return `api/stores/${encodeURIComponent(store)}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Our errors begin in lower case and end without a full stop. */
export function asSentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}
