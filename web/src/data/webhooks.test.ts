import { describe, expect, it } from 'vitest';
import type { Endpoint, EndpointStatus, Message, MessagesResponse } from '../api';
import { Client } from './client';
import { NEW_SETTINGS } from './endpoint-draft';
import { endpointRoute, endpointsRoute, hashOf, readRoute } from './route';
import {
  ALL_ENDPOINTS,
  ALL_MESSAGES,
  type EndpointFilter,
  type MessageList,
  NO_MESSAGES,
  shownEndpoints,
  withFirstPage,
  withNextPage,
} from './webhooks';

const DEMO = 'demo.myshopify.com';

const endpoint = (id: string, url: string, types: string[], change: Partial<Endpoint> = {}): Endpoint => ({
  id,
  owner: `shopify#${DEMO}`,
  revision: 1,
  state: 'active',
  state_since: '2026-11-21T12:00:00Z',
  state_reason: null,
  state_sentence: '',
  code: null,
  settings: { ...NEW_SETTINGS, url, types },
  header_names: [],
  auth: null,
  client_certificate: null,
  public_keys: [],
  secrets: [],
  proven_at: null,
  proof_failed: null,
  created_at: `2026-11-21T12:00:0${id}Z`,
  ...change,
});

const health = (change: Partial<EndpointStatus>): EndpointStatus => ({
  queue: { messages: 0, has_more: false, oldest_at: null },
  breaker: 'closed',
  next_attempt_at: null,
  at_once: 1,
  mean_ms: null,
  failing_since: null,
  last_success_at: null,
  pool: 'fast',
  sentence: '',
  ...change,
});

describe('the endpoints shown', () => {
  const endpoints = [
    endpoint('1', 'https://b.example.com', ['product.*']),
    endpoint('2', 'https://a.example.com/Hook', ['order.created'], { state: 'paused' }),
    endpoint('3', 'https://c.example.com', ['*'], { state: 'disabled', code: 'gone' }),
    endpoint('4', 'https://d.example.com', ['inventory.updated']),
  ];
  const readings = new Map([
    [
      '1',
      health({ queue: { messages: 7, has_more: false, oldest_at: null }, last_success_at: '2026-11-21T12:00:00Z' }),
    ],
    ['4', health({ failing_since: '2026-11-21T11:00:00Z', last_success_at: '2026-11-21T11:00:00Z' })],
  ]);
  const shown = (filter: Partial<EndpointFilter>) =>
    shownEndpoints(endpoints, { ...ALL_ENDPOINTS, ...filter }, readings)
      .map(({ id }) => id)
      .join('');

  it('are found by a part of the URL in any case, a state, and a type or a beginning that they have in common', () => {
    expect(shown({})).toBe('4321');
    expect(shown({ q: ' hook ' })).toBe('2');
    expect(shown({ state: 'paused' })).toBe('2');
    expect(shown({ type: 'product.updated' })).toBe('31');
    expect(shown({ type: 'product.*' })).toBe('31');
    expect(shown({ type: 'order.*' })).toBe('32');
    expect(shown({ type: 'inventory.updated', q: 'd.' })).toBe('4');
  });

  it('are sorted, and equal ones by age', () => {
    expect(shown({ sort: 'url' })).toBe('2134');
    // Disabled, failing, paused, the others.
    expect(shown({ sort: 'state' })).toBe('3421');
    expect(shown({ sort: 'waiting' })).toBe('1432');
    // An endpoint without a success comes first.
    expect(shown({ sort: 'success' })).toBe('3241');
  });
});

describe('the address of webhooks', () => {
  it.each([
    [endpointsRoute(DEMO, ALL_ENDPOINTS), `#/stores/${DEMO}/webhooks`],
    [endpointsRoute(null, ALL_ENDPOINTS), '#/webhooks'],
    [
      endpointsRoute(DEMO, { q: 'a&b', state: 'paused', type: 'order.*', sort: 'waiting' }),
      `#/stores/${DEMO}/webhooks?q=a%26b&state=paused&type=order.*&sort=waiting`,
    ],
    [endpointRoute(null, 'ep_1'), '#/webhooks/ep_1'],
    [
      endpointRoute(DEMO, 'ep_1', { fate: 'exhausted', type: 'product.*' }),
      `#/stores/${DEMO}/webhooks/ep_1?fate=exhausted&type=product.*`,
    ],
    [endpointRoute(DEMO, 'ep_1', ALL_MESSAGES, 'evt_1'), `#/stores/${DEMO}/webhooks/ep_1/evt_1`],
  ])('reads back: %o', (route, hash) => {
    expect(hashOf(route)).toBe(hash);
    expect(readRoute(hash)).toEqual(route);
  });

  it('drops what it does not know, and has no deeper places', () => {
    expect(readRoute('#/webhooks?state=on+fire&sort=size')).toEqual(endpointsRoute(null, ALL_ENDPOINTS));
    expect(readRoute('#/webhooks/ep_1/evt_1/more')).toBeNull();
    expect(readRoute(`#/stores/${DEMO}/webhooks/ep_1/evt_1/more`)).toBeNull();
  });
});

describe('the list of messages', () => {
  const page = (ids: string, next: string | null): MessagesResponse => ({
    messages: [...ids].map((event) => ({ event }) as Message),
    next,
  });
  const ids = (list: MessageList) => list.messages.map(({ event }) => event).join('');
  const two = withNextPage(withFirstPage(NO_MESSAGES, page('fe', 'e')), page('dc', 'c'));

  it('keeps further pages when the first is read again', () => {
    expect([ids(two), two.next]).toEqual(['fedc', 'c']);
    const newer = withFirstPage(two, page('gf', 'f'));
    expect([ids(newer), newer.next]).toEqual(['gfedc', 'c']);
  });

  it('begins again if the first page shares nothing with it', () => {
    const after = withFirstPage(two, page('zy', 'y'));
    expect([ids(after), after.next]).toEqual(['zy', 'y']);
  });

  it('drops what is no longer on the first page, as a message that was sent', () => {
    const after = withFirstPage(two, page('ed', 'd'));
    expect([ids(after), after.next]).toEqual(['edc', 'c']);
  });

  it('ends with the last page', () => {
    const after = withFirstPage(two, page('f', null));
    expect([ids(after), after.next]).toEqual(['f', null]);
  });
});

describe('requests about webhooks', () => {
  const sent = async (call: (client: Client) => Promise<unknown>) => {
    const requests: [string, RequestInit][] = [];
    const client = new Client(
      new URL('https://panel.example/'),
      async () => 'token',
      async (url, init) => {
        requests.push([(url as URL).href, init ?? {}]);
        return new Response('{}');
      },
    );
    await call(client);
    const [[url, { method, headers, body }]] = requests as [[string, RequestInit]];
    return { url, method, match: (headers as Record<string, string>)['if-match'], body };
  };

  it('name the revision that a change is based on', async () => {
    expect(await sent((client) => client.webhooks.change(DEMO, 'ep_1', 3, { settings: { url: 'x' } }))).toEqual({
      url: `https://panel.example/api/stores/${DEMO}/endpoints/ep_1`,
      method: 'PATCH',
      match: '"3"',
      body: '{"settings":{"url":"x"}}',
    });
  });

  it('go to the store, or to all stores', async () => {
    const { url, match } = await sent((client) => client.webhooks.list(null));
    expect([url, match]).toEqual(['https://panel.example/api/endpoints', undefined]);
    const stats = await sent((client) => client.webhooks.stats(null, 'ep_1', 168));
    expect(stats.url).toBe('https://panel.example/api/endpoints/ep_1/stats?hours=168');
    const filter = { fate: 'sent' as const, type: 'product.*' };
    const page = await sent((client) => client.webhooks.messages(DEMO, 'ep_1', filter, { cursor: 'c', limit: 20 }));
    expect(page.url).toMatch(/\/endpoints\/ep_1\/messages\?fate=sent&type=product\.\*&limit=20&cursor=c$/);
  });

  it('name a store for a test of an endpoint of all stores only', async () => {
    const bodies = [
      await sent((client) => client.webhooks.test(DEMO, 'ep_1', 'order.created', null)),
      await sent((client) => client.webhooks.test(null, 'ep_1', 'order.created', DEMO)),
    ].map(({ body }) => body);
    expect(bodies).toEqual(['{"type":"order.created"}', `{"type":"order.created","store":"${DEMO}"}`]);
  });
});
