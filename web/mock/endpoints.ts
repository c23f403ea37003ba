// Mock endpoints of outbound webhooks, and their messages: enough to see every state of the pages.

import type {
  Attempt,
  Endpoint,
  EndpointSettings,
  EndpointStatus,
  EventDetail,
  Message,
  MessageFate,
  WhyEndpoint,
} from '../src/api';
import { NEW_SETTINGS } from '../src/data/endpoint-draft.ts';
import { selects } from '../src/data/webhooks.ts';
import { CODE_SENTENCES, ago, attempt, inDetail } from './attempts.ts';
import { eventsOf, makeEvent } from './events.ts';
import { statsOf } from './stats.ts';
import type { Store } from './world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MOST = { store: 20, all: 10 };

const clock = (at: string) => `${at.slice(11, 16)} UTC`;
const second = (at: string) => `${at.slice(11, 19)} UTC`;

type Answer = [status: number, body: unknown];

interface Kept {
  endpoint: Endpoint;
  status: Omit<EndpointStatus, 'sentence'>;
  /** Newest first. */
  messages: Message[];
  headers: Record<string, string>;
}

interface Request {
  method: string;
  /** Parts behind `endpoints`. */
  path: string[];
  query: URLSearchParams;
  body: Record<string, unknown>;
  ifMatch: string | undefined;
  isAdmin: boolean;
}

/** Endpoints of one owner. */
export class Endpoints {
  readonly kept = new Map<string, Kept>();
  private lastId = 0;

  constructor(
    /** Null of all stores. */
    private readonly store: Store | null,
    private readonly anyStore: () => Store,
  ) {}

  private get owner(): string {
    return this.store === null ? '*' : `shopify#${this.store.name}`;
  }

  add(settings: Partial<EndpointSettings>, change: Partial<Endpoint> = {}, health: Partial<Kept['status']> = {}): Kept {
    this.lastId += 1;
    const created_at = change.created_at ?? ago(40 * DAY - this.lastId * HOUR);
    const endpoint: Endpoint = {
      id: `ep_${String(this.lastId).padStart(4, '0')}`,
      owner: this.owner,
      revision: 1,
      state: 'active',
      state_since: created_at,
      state_reason: null,
      state_sentence: '',
      code: null,
      settings: { ...NEW_SETTINGS, ...settings },
      header_names: [],
      auth: null,
      client_certificate: null,
      public_keys: ['whpk_MCowBQYDK2VwAyEA3q2+7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='],
      secrets: [{ created_at, until: null }],
      proven_at: null,
      proof_failed: null,
      created_at,
      ...change,
    };
    const kept: Kept = {
      endpoint,
      status: {
        queue: { messages: 0, has_more: false, oldest_at: null },
        breaker: 'closed',
        next_attempt_at: null,
        at_once: 4,
        mean_ms: 120,
        failing_since: null,
        last_success_at: ago(4 * MINUTE),
        pool: 'fast',
        ...health,
      },
      messages: [],
      headers: {},
    };
    this.kept.set(endpoint.id, kept);
    return kept;
  }

  /** Adds a message for an event of the store. */
  message(kept: Kept, event: EventDetail, fate: MessageFate, attempts: Attempt[]): Message {
    const message: Message = {
      event: event.id,
      type: event.type,
      store: event.store,
      fate,
      attempts,
      failed: attempts.filter(({ code }) => code === 'failed').length,
      next_attempt_at: fate === 'open' && attempts.length > 0 ? new Date(Date.now() + 3 * MINUTE).toISOString() : null,
      run: 0,
      sentence: sentenceOf(kept.endpoint, fate, attempts),
    };
    kept.messages.unshift(message);
    return message;
  }

  answer({ method, path, query, body, ifMatch, isAdmin }: Request): Answer {
    const [id, what, event, last] = path;
    if (id === undefined) {
      if (method === 'GET') return [200, this.list()];
      return query.get('dry_run') === 'true' ? this.preview(body) : this.create(body);
    }
    const kept = this.kept.get(id);
    if (!kept) return [404, { error: 'there is no such endpoint' }];
    if (what === undefined) {
      if (method === 'PATCH') return this.change(kept, ifMatch, body);
      if (method === 'DELETE') return this.remove(kept);
      return [200, view(kept.endpoint)];
    }
    if (what === 'status') return [200, { ...kept.status, sentence: healthSentence(kept) }];
    if (what === 'stats') {
      const hours = Number(query.get('hours') ?? 24);
      if (!(hours >= 1 && hours <= 720)) return [400, { error: 'hours must be a number from 1 to 720' }];
      return [200, statsOf(kept.messages, hours, CODE_SENTENCES)];
    }
    if (what === 'messages') {
      if (event === undefined) return page(kept, query);
      const message = kept.messages.find((one) => one.event === event);
      if (!message) return [404, { error: 'there is no such message' }];
      if (last !== 'retry') return [200, inDetail(kept.endpoint, message, isAdmin)];
      if (message.fate === 'open') return [409, { error: 'the message is open: it is tried anyway' }];
      this.again(kept, message);
      return [202, { message }];
    }
    return this.command(kept, what, body);
  }

  private list(): unknown {
    const endpoints = [...this.kept.values()].map(({ endpoint }) => view(endpoint));
    const most = this.store === null ? MOST.all : MOST.store;
    return { endpoints, most: Math.max(most, endpoints.length > most ? endpoints.length + 5 : 0) };
  }

  private preview(body: Record<string, unknown>): Answer {
    const wrong = problemOf(body);
    if (wrong !== null) return [400, { error: wrong }];
    if (this.store === null) return [400, { error: 'a dry run needs the events of one store' }];
    const { types, conditions } = body['settings'] as EndpointSettings;
    const events = eventsOf(this.store).slice(0, 100);
    const wanted = events.filter(({ type }) => types.some((pattern) => selects(pattern, type)));
    const unmet = conditions?.length ? Math.floor(wanted.length / 3) : 0;
    return [200, { would_pass: wanted.length - unmet, of: events.length }];
  }

  private create(body: Record<string, unknown>): Answer {
    const wrong = problemOf(body);
    if (wrong !== null) return [400, { error: wrong }];
    const now = ago(0);
    const kept = this.add(body['settings'] as EndpointSettings, { created_at: now, state_since: now }, UNTRIED);
    kept.headers = (body['headers'] as Record<string, string> | undefined) ?? {};
    kept.endpoint.header_names = Object.keys(kept.headers);
    setCredentials(kept.endpoint, body);
    return [201, withSecret(kept.endpoint)];
  }

  private change(kept: Kept, ifMatch: string | undefined, body: Record<string, unknown>): Answer {
    const { endpoint } = kept;
    if (ifMatch === undefined) return [428, { error: 'send the revision that you read, as in if-match: "3"' }];
    if (ifMatch !== `"${endpoint.revision}"`) {
      const sentence = `the endpoint has been changed since you read it: it has revision ${endpoint.revision} now. Read it again and repeat your change`;
      return [412, { error: sentence, revision: endpoint.revision }];
    }
    const settings = { ...endpoint.settings, ...(body['settings'] as object | undefined) } as EndpointSettings;
    const wrong = problemOf({ settings });
    if (wrong !== null) return [400, { error: wrong }];
    // A new URL is not proven.
    if (settings.url !== endpoint.settings.url) Object.assign(endpoint, { proven_at: null, proof_failed: null });
    endpoint.settings = settings;
    endpoint.revision += 1;
    if ('headers' in body) endpoint.header_names = Object.keys((body['headers'] as object | null) ?? {});
    setCredentials(endpoint, body);
    return [200, view(endpoint)];
  }

  private remove(kept: Kept): Answer {
    kept.endpoint.state = 'deleting';
    kept.endpoint.state_since = ago(0);
    setTimeout(() => this.kept.delete(kept.endpoint.id), 2_500);
    return [200, view(kept.endpoint)];
  }

  private command(kept: Kept, what: string, body: Record<string, unknown>): Answer {
    const { endpoint, status } = kept;
    const refused = (advice: string): Answer => [409, { error: `the endpoint is ${endpoint.state}: ${advice}` }];
    const enter = (state: Endpoint['state'], reason: string | null): Answer => {
      Object.assign(endpoint, { state, state_since: ago(0), state_reason: reason, code: null });
      endpoint.revision += 1;
      return [200, view(endpoint)];
    };
    switch (what) {
      case 'pause':
        if (endpoint.state !== 'active') return refused('activate it first');
        return enter('paused', (body['reason'] as string | undefined) ?? null);
      case 'activate':
        if (endpoint.state === 'active') return refused('there is nothing to activate');
        status.queue = { messages: 0, has_more: false, oldest_at: null };
        return enter('active', null);
      case 'rotate':
        for (const secret of endpoint.secrets) secret.until ??= new Date(Date.now() + DAY).toISOString();
        endpoint.secrets.unshift({ created_at: ago(0), until: null });
        endpoint.revision += 1;
        return [200, withSecret(endpoint)];
      case 'verify':
        if (status.breaker === 'open') endpoint.proof_failed = 'Nobody answers at this address.';
        else Object.assign(endpoint, { proven_at: ago(0), proof_failed: null });
        return [200, view(endpoint)];
      case 'test':
        if (endpoint.state !== 'active') return refused('activate it, then test it');
        return this.test(kept, String(body['type']));
      default:
        return [404, { error: 'there is no such thing here' }];
    }
  }

  private test(kept: Kept, type: string): Answer {
    const event = makeEvent(this.store ?? this.anyStore(), type);
    const fails = kept.status.breaker === 'open';
    const attempts: Attempt[] = [attempt(0, fails ? 'connection_refused' : null)];
    const message = this.message(kept, event, fails ? 'open' : 'sent', attempts);
    if (!fails) kept.status = { ...kept.status, last_success_at: ago(0), mean_ms: kept.status.mean_ms ?? 84 };
    return [200, { message, waiting: false }];
  }

  /** Sends a message once more. */
  private again(kept: Kept, message: Message): void {
    Object.assign(message, { fate: 'open', run: message.run + 1, next_attempt_at: null, attempts: [] });
    message.sentence = sentenceOf(kept.endpoint, 'open', []);
    setTimeout(() => {
      Object.assign(message, { fate: 'sent', attempts: [attempt(0, null)] });
      message.sentence = sentenceOf(kept.endpoint, 'sent', message.attempts);
    }, 1_200);
  }
}

/** Health of an endpoint that was never tried. */
const UNTRIED: Partial<Kept['status']> = { mean_ms: null, last_success_at: null, at_once: 1, pool: 'slow' };

function view(endpoint: Endpoint): Endpoint {
  return { ...endpoint, state_sentence: stateSentence(endpoint) };
}

function withSecret(endpoint: Endpoint): unknown {
  const secret = `whsec_${Buffer.from(`mock secret ${endpoint.id} ${endpoint.revision}`).toString('base64')}`;
  return { endpoint: view(endpoint), secret, public_key: endpoint.public_keys[0] };
}

function problemOf(body: Record<string, unknown>): string | null {
  const { url, types, conditions } = body['settings'] as EndpointSettings;
  if (!/^https:\/\/[^/]+\.[^/]+/.test(url)) return 'the URL must begin with https:// and name a public host';
  if (types.length === 0) return 'give 1 to 20 types of events, as in product.updated, product.* or *';
  const unknown = conditions?.find(
    ({ path }) => path !== undefined && !/^(data|subject|related|previous)\b/.test(path),
  );
  return unknown === undefined
    ? null
    : `condition 1: no chosen type of events has "${unknown.path ?? ''}": see the schemas of GET /api/event-types`;
}

function stateSentence({ state, state_since, state_reason, code }: Endpoint): string {
  switch (state) {
    case 'active':
      return 'Messages are sent.';
    case 'paused':
      return `Paused since ${clock(state_since)}${state_reason ? ` (${state_reason})` : ''}. Messages wait until it is activated.`;
    case 'disabled':
      return `Disabled since ${clock(state_since)}. ${CODE_SENTENCES[code ?? ''] ?? ''} Messages wait until it is activated.`;
    case 'deleting':
      return `Deleted at ${clock(state_since)}; its messages are being discarded.`;
  }
}

function healthSentence({ endpoint, status }: Kept): string {
  const { queue, failing_since, mean_ms } = status;
  const health =
    endpoint.state === 'paused'
      ? `Paused since ${clock(endpoint.state_since)}.`
      : endpoint.state === 'disabled'
        ? `Disabled since ${clock(endpoint.state_since)}; activate it to send what waits.`
        : failing_since !== null
          ? `Has not answered since ${clock(failing_since)}.`
          : mean_ms === null
            ? 'Nothing has been sent yet.'
            : `Answers in ${mean_ms} ms.`;
  const oldest = queue.oldest_at === null ? '' : `, the oldest since ${clock(queue.oldest_at)}`;
  const waits =
    queue.messages === 0 ? 'Nothing waits.' : `${queue.messages.toLocaleString('en')} messages wait${oldest}.`;
  const next = status.next_attempt_at === null ? '' : ` Next attempt at ${clock(status.next_attempt_at)}.`;
  return `${health} ${waits}${next}`;
}

function sentenceOf({ state, state_since }: Endpoint, fate: MessageFate, attempts: Attempt[]): string {
  const last = attempts.at(-1);
  const cause = last?.code ? ` The last failure: ${CODE_SENTENCES[last.code] ?? ''}` : '';
  switch (fate) {
    case 'sent':
      return `Sent at ${second(last?.at ?? ago(0))} on the ${attempts.length === 1 ? 'first' : 'second'} attempt.`;
    case 'exhausted':
      return `Given up at ${second(last?.at ?? ago(0))} after ${attempts.length} failed attempts; retry it by hand.${cause}`;
    case 'open':
      if (state === 'paused') return `Waits: the endpoint is paused since ${clock(state_since)}.`;
      return last === undefined
        ? 'Waits to be sent.'
        : `Waits: it is tried again as soon as the endpoint takes messages.${cause}`;
    case 'discarded':
      return 'Not sent: what waited was discarded when the endpoint was activated or deleted.';
    case 'superseded':
      return 'Not sent: the endpoint has been sent, or is about to be sent, a newer state of the same thing.';
    default:
      return 'Not sent: the endpoint asked never to be sent this message again.';
  }
}

function page(kept: Kept, query: URLSearchParams): Answer {
  const [fate, type] = [query.get('fate') ?? '', query.get('type') ?? ''];
  if (fate === 'open' && type !== '') return [400, { error: 'fate=open takes neither type nor from: leave them out' }];
  const before = query.get('cursor') ?? '~';
  const fits = kept.messages
    .filter((one) => (fate === '' || one.fate === fate) && (type === '' || selects(type, one.type ?? '')))
    .filter((one) => one.event < before)
    .sort((a, b) => (a.event < b.event ? 1 : -1));
  const limit = Number(query.get('limit') ?? 50);
  const messages = fits.slice(0, limit);
  return [200, { messages, next: fits.length > limit ? (messages.at(-1)?.event ?? null) : null }];
}

/** The fate of an event at the endpoints of its store and of all stores. */
export function why(event: EventDetail, owners: Endpoints[]): unknown {
  const kept = owners.flatMap((owner) => [...owner.kept.values()]);
  return {
    event: event.id,
    type: event.type,
    cause: event.cause,
    endpoints: kept.slice(0, 8).map((one) => whyOf(event, one)),
    bus: { verdict: 'sent' },
  };
}

function whyOf(event: EventDetail, { endpoint, messages }: Kept): WhyEndpoint {
  const { id, owner, settings } = endpoint;
  const base = { endpoint: id, owner, url: settings.url, fate: null, attempts: [] };
  const message = messages.find((one) => one.event === event.id);
  if (message) {
    return {
      ...base,
      verdict: 'queued',
      verdict_sentence: 'The event is a message of this endpoint.',
      fate: message.fate,
      attempts: message.attempts,
      sentence: message.sentence,
    };
  }
  const sentence = 'The endpoint does not get events of this type.';
  if (!settings.types.some((pattern) => selects(pattern, event.type)))
    return { ...base, verdict: 'not_subscribed', verdict_sentence: sentence, sentence: `Not sent. ${sentence}` };
  const condition = 'data.available = false';
  return {
    ...base,
    verdict: 'filtered',
    verdict_sentence: `The endpoint has a condition that did not hold: ${condition}.`,
    sentence: `Not sent: the condition ${condition} did not hold.`,
  };
}

/** Takes the credentials of a request, without what is secret. */
function setCredentials(endpoint: Endpoint, body: Record<string, unknown>): void {
  if ('auth' in body) {
    const auth = body['auth'] as (Endpoint['auth'] & { client_secret?: string }) | null;
    const { client_secret: _, ...shown } = auth ?? {};
    endpoint.auth = auth === null ? null : ({ scope: null, ...shown } as Endpoint['auth']);
  }
  if ('client_certificate' in body)
    endpoint.client_certificate =
      body['client_certificate'] === null ? null : { subject: 'CN=hookline', ends_at: ago(-90 * DAY) };
}

/** Endpoints in every state for a store that has events. */
export function furnish(endpoints: Endpoints, store: Store): void {
  const events = eventsOf(store).reverse();
  const good = endpoints.add(
    {
      url: 'https://search.example.com/hooks/products',
      description: 'Search index',
      types: ['product.*', 'inventory.updated'],
    },
    { header_names: ['x-api-key'] },
  );
  for (const [index, event] of events.entries()) {
    if (!good.endpoint.settings.types.some((pattern) => selects(pattern, event.type))) continue;
    const at = Date.now() - Date.parse(event.timestamp);
    const fails = index % 9 === 4;
    const attempts = [
      ...(fails ? [attempt(at, 'failed', 240)] : []),
      attempt(at - (fails ? 6_000 : 0), null, 60 + index * 5),
    ];
    endpoints.message(good, event, index % 13 === 6 ? 'superseded' : 'sent', attempts);
  }
  const down = endpoints.add(
    {
      url: 'https://erp.example.com/orders?tenant=nord',
      description: 'Enterprise resource planning of the warehouse in Gothenburg',
      types: ['order.created', 'order.updated', 'order.paid', 'order.cancelled', 'payment.*'],
      conditions: [{ path: 'data.total.amount', op: '>', value: '100' }],
      ordering: 'entity',
    },
    {},
    {
      queue: { messages: 1_000, has_more: true, oldest_at: ago(26 * MINUTE) },
      breaker: 'open',
      next_attempt_at: new Date(Date.now() + 7 * MINUTE).toISOString(),
      at_once: 1,
      failing_since: ago(26 * MINUTE),
      last_success_at: ago(27 * MINUTE),
      pool: 'slow',
    },
  );
  for (const event of events.filter(({ type }) => type.startsWith('order')).slice(-6))
    endpoints.message(down, event, 'open', [
      attempt(20 * MINUTE, 'connection_refused', 31),
      attempt(9 * MINUTE, 'unavailable', 12),
    ]);
  const [gone] = events.filter(({ type }) => type.startsWith('order'));
  if (gone)
    endpoints.message(
      down,
      gone,
      'exhausted',
      Array.from({ length: 10 }, (_, n) => attempt((30 - n) * HOUR, 'failed', 900)),
    );
  endpoints.add(
    {
      url: 'https://crm.example.com/customers',
      description: 'Customer relations',
      types: ['customer.*'],
      when_paused: 'queue',
    },
    { state: 'paused', state_since: ago(3 * HOUR), state_reason: 'Maintenance until 14:00' },
    { queue: { messages: 37, has_more: false, oldest_at: ago(3 * HOUR) } },
  );
  endpoints.add(
    { url: 'https://old.example.com/hook', types: ['*'], signatures: 'both' },
    { state: 'disabled', state_since: ago(2 * DAY), code: 'gone' },
    { queue: { messages: 210, has_more: false, oldest_at: ago(2 * DAY) }, last_success_at: ago(2 * DAY), mean_ms: 430 },
  );
}

/** Many endpoints, as no server allows yet. */
export function crowd(endpoints: Endpoints, count: number): void {
  const types = ['product.*', 'order.created', 'customer.updated', 'inventory.updated'];
  for (let index = 0; index < count; index += 1) {
    const number = String(index).padStart(4, '0');
    const paused = index % 10 === 3;
    endpoints.add(
      { url: `https://many-${number}.example.com/hook`, types: [types[index % 4] as string] },
      paused ? { state: 'paused', state_since: ago(HOUR) } : {},
    );
  }
}
