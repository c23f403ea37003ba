// Client of the API of outbound webhooks: endpoints, their messages, and the fate of an event at each of them.

import type {
  BacklogMode,
  DryRunResponse,
  Endpoint,
  EndpointSecretResponse,
  EndpointStats,
  EndpointStatus,
  EndpointTestResponse,
  EndpointsResponse,
  Message,
  MessagesResponse,
  WhyResponse,
} from '../api';
import type { EndpointRequest, EndpointPatch } from './endpoint-draft';
import { type MessageFilter, messagesQuery } from './webhooks';

/** Owner of endpoints: a store, or null for all stores. */
export type Owner = string | null;

/** A test waits for the endpoint's answer, up to 12 s. */
const TEST_TIMEOUT_MS = 25_000;

export interface RequestOptions {
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** Revision on which the request is based. */
  ifMatch?: number;
  timeoutMs?: number;
}

type Send = <T>(method: string, path: string, options?: RequestOptions) => Promise<T>;

export class WebhooksClient {
  constructor(private readonly send: Send) {}

  list = (owner: Owner, signal?: AbortSignal) => this.send<EndpointsResponse>('GET', pathOf(owner), { signal });

  read = (owner: Owner, id: string, signal?: AbortSignal) => this.send<Endpoint>('GET', pathOf(owner, id), { signal });

  status = (owner: Owner, id: string, signal?: AbortSignal) =>
    this.send<EndpointStatus>('GET', `${pathOf(owner, id)}/status`, { signal });

  /** Reads the statistics of a number of hours, of which the current one is the last. */
  stats = (owner: Owner, id: string, hours: number, signal?: AbortSignal) =>
    this.send<EndpointStats>('GET', `${pathOf(owner, id)}/stats?hours=${hours}`, { signal });

  create = (owner: Owner, body: EndpointRequest) => this.send<EndpointSecretResponse>('POST', pathOf(owner), { body });

  /** Counts the latest events that an endpoint with these settings would have been sent. Creates nothing. */
  preview = (owner: Owner, body: EndpointRequest) =>
    this.send<DryRunResponse>('POST', `${pathOf(owner)}?dry_run=true`, { body });

  /** Changes an endpoint that has this revision. */
  change = (owner: Owner, id: string, ifMatch: number, body: EndpointPatch) =>
    this.send<Endpoint>('PATCH', pathOf(owner, id), { body, ifMatch });

  pause = (owner: Owner, id: string, reason: string) =>
    this.send<Endpoint>('POST', `${pathOf(owner, id)}/pause`, { body: reason === '' ? {} : { reason } });

  activate = (owner: Owner, id: string, backlog: BacklogMode) =>
    this.send<Endpoint>('POST', `${pathOf(owner, id)}/activate`, { body: { backlog } });

  rotate = (owner: Owner, id: string, overlapHours: number) =>
    this.send<EndpointSecretResponse>('POST', `${pathOf(owner, id)}/rotate`, { body: { overlap_hours: overlapHours } });

  remove = (owner: Owner, id: string) => this.send<Endpoint>('DELETE', pathOf(owner, id));

  /** Sends the sample of a type. An endpoint of all stores needs the name of one. */
  test = (owner: Owner, id: string, type: string, store: string | null) =>
    this.send<EndpointTestResponse>('POST', `${pathOf(owner, id)}/test`, {
      body: store === null ? { type } : { type, store },
      timeoutMs: TEST_TIMEOUT_MS,
    });

  /** Sends a challenge, which the answer has to repeat before the endpoint gets personal data. */
  verify = (owner: Owner, id: string) =>
    this.send<Endpoint>('POST', `${pathOf(owner, id)}/verify`, { body: {}, timeoutMs: TEST_TIMEOUT_MS });

  messages(
    owner: Owner,
    id: string,
    filter: MessageFilter,
    page: { cursor: string | null; limit: number },
    signal?: AbortSignal,
  ): Promise<MessagesResponse> {
    const search = messagesQuery(filter);
    search.set('limit', String(page.limit));
    if (page.cursor !== null) search.set('cursor', page.cursor);
    return this.send<MessagesResponse>('GET', `${pathOf(owner, id)}/messages?${search}`, { signal });
  }

  message = (owner: Owner, id: string, event: string, signal?: AbortSignal) =>
    this.send<Message>('GET', `${pathOf(owner, id)}/messages/${encodeURIComponent(event)}`, { signal });

  retry = (owner: Owner, id: string, event: string) =>
    this.send<unknown>('POST', `${pathOf(owner, id)}/messages/${encodeURIComponent(event)}/retry`, { body: {} });

  why = (store: string, event: string, signal?: AbortSignal) =>
    this.send<WhyResponse>('GET', `${storePath(store)}/events/${encodeURIComponent(event)}/why`, { signal });
}

function storePath(store: string): string {
  return `api/stores/${encodeURIComponent(store)}`;
}

function pathOf(owner: Owner, id?: string): string {
  const endpoints = `${owner === null ? 'api' : storePath(owner)}/endpoints`;
  return id === undefined ? endpoints : `${endpoints}/${encodeURIComponent(id)}`;
}
