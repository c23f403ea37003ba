import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Me } from '../api';
import { type Environment, Gate, RETRY_AFTER_MS } from './gate';
import type { Panel } from './panel';
import { type Channel, type PageContext, modeOf } from './session';
import { shopName } from './shop';

const TOKEN = 'hl_abcdefghij_supersecretsupersecret';
const OTHER = 'hl_klmnopqrst_supersecretsupersecret';
const shopify = { idToken: () => Promise.resolve('jwt') };
const TOP: PageContext = { search: '', framed: false, hasAppBridge: false, shopify: undefined };

interface Case {
  given: string;
  name: string | null;
}

const names = JSON.parse(readFileSync(new URL('../../fixtures/shop-names.json', import.meta.url), 'utf8')) as Case[];

it.each(names)('$given is the shop $name, as on the server', ({ given, name }) => {
  expect(shopName(given)).toBe(name);
});

describe('the mode of the page', () => {
  const contexts: Partial<PageContext>[] = [{}, { framed: true }].flatMap((one) => [
    one,
    { ...one, hasAppBridge: true },
    { ...one, shopify },
    { ...one, hasAppBridge: true, shopify },
  ]);
  const searches = [
    '',
    '?',
    '?shop=',
    '?host=aG9zdA',
    '?embedded=1',
    '?shop=demo.myshopify.com&shop=evil.myshopify.com',
    ...names.map(({ given }) => `?shop=${encodeURIComponent(given)}&host=aG9zdA`),
  ];
  const pages = contexts.flatMap((context) => searches.map((search): PageContext => ({ ...TOP, ...context, search })));

  it('is operator mode only at the top of a tab, without Shopify parameters', () => {
    for (const page of pages) {
      const operator = modeOf(page).kind === 'operator';
      const plain = !page.framed && !page.hasAppBridge && /^\??$/.test(page.search);
      expect(operator, JSON.stringify(page)).toBe(plain);
    }
  });

  it('is embedded mode only for one valid shop, with App Bridge', () => {
    for (const page of pages) {
      const mode = modeOf(page);
      const shops = new URLSearchParams(page.search).getAll('shop');
      const name = shops.length === 1 ? shopName(shops[0] ?? '') : null;
      const expected = name !== null && page.shopify !== undefined ? name : null;
      expect(mode.kind === 'embedded' ? mode.shop : null, JSON.stringify(page)).toBe(expected);
    }
  });

  it('is explained in a merchant’s words when Shopify did not load', () => {
    const mode = modeOf({
      ...TOP,
      search: '?embedded=1&shop=demo.myshopify.com&host=aG9zdA',
      framed: true,
      hasAppBridge: true,
    });
    expect(mode).toMatchObject({ kind: 'unavailable', title: 'Shopify did not load', reload: true });
    expect(JSON.stringify(mode)).not.toMatch(/token|hookline/i);
  });
});

describe('the gate', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Stand-in for a browser: records messages to channels, stored tokens and requests to the server. */
  function open(page: Partial<PageContext>, responses: (() => Response | Promise<Response>)[], stored = '') {
    const sent: unknown[] = [];
    const channels: string[] = [];
    const bearers: (string | null)[] = [];
    const storage = new Map<string, string>(stored === '' ? [] : [['hookline.token', stored]]);
    let receive: (event: { data: unknown }) => void = () => undefined;
    const environment: Environment = {
      page: { ...TOP, ...page },
      base: new URL('https://api.example/panel/'),
      channel: (name): Channel => {
        channels.push(name);
        return {
          postMessage: (message) => void sent.push(message),
          addEventListener: (_, listener) => (receive = listener),
        };
      },
      storage: () => ({
        getItem: (name) => storage.get(name) ?? null,
        setItem: (name, value) => void storage.set(name, value),
        removeItem: (name) => void storage.delete(name),
      }),
      panel: () => ({ leave: () => undefined }) as Panel,
      fetcher: (_, init) => {
        bearers.push(new Headers(init?.headers).get('authorization'));
        const response = responses.length > 1 ? responses.shift() : responses[0];
        return Promise.resolve().then(() => response?.() ?? Promise.reject(new TypeError('no network')));
      },
    };
    const gate = new Gate(environment);
    return { gate, sent, channels, bearers, storage, receives: (data: unknown) => receive({ data }) };
  }

  const screenOf = (gate: Gate) => gate.snapshot().screen;
  const down = () => Promise.reject(new TypeError('no network'));
  const responds = (status: number, body: unknown) => () => new Response(JSON.stringify(body), { status });
  const me = (stores: string[]) =>
    responds(200, {
      principal: 'tok_1',
      role: 'viewer',
      stores,
      expires_at: '2999-01-01T00:00:00Z',
    } satisfies Partial<Me>);

  it('retries a token that was typed while the server was down, and keeps it once it is accepted', async () => {
    const { gate, storage, bearers, sent } = open({}, [down, down, responds(503, {}), me(['*'])]);
    const opening = gate.open();
    await vi.advanceTimersByTimeAsync(1_000);
    await opening;
    await gate.signIn(TOKEN);
    expect(screenOf(gate)).toMatchObject({ kind: 'unreachable', operator: true });
    expect(storage.size).toBe(0);
    await vi.advanceTimersByTimeAsync(2 * RETRY_AFTER_MS);
    expect(screenOf(gate).kind).toBe('unreachable');
    await vi.advanceTimersByTimeAsync(RETRY_AFTER_MS);
    expect(screenOf(gate).kind).toBe('signed-in');
    expect(bearers).toEqual(Array(4).fill(`Bearer ${TOKEN}`));
    expect(storage.get('hookline.token')).toBe(TOKEN);
    expect(sent).toContainEqual({ kind: 'token', token: TOKEN });
  });

  it('stops trying when an operator wants another token', async () => {
    const { gate, bearers } = open({}, [down]);
    await gate.signIn(TOKEN);
    gate.useAnotherToken();
    await vi.advanceTimersByTimeAsync(5 * RETRY_AFTER_MS);
    expect(screenOf(gate)).toEqual({ kind: 'signed-out', reason: null });
    expect(bearers).toHaveLength(1);
  });

  it('announces no retry after a refusal', async () => {
    const { gate, bearers } = open({}, [responds(401, { message: 'Unauthorized' })]);
    await gate.signIn(TOKEN);
    expect(screenOf(gate)).toMatchObject({ kind: 'signed-out' });
    expect(JSON.stringify(screenOf(gate))).not.toMatch(/keeps trying|again/);
    await vi.advanceTimersByTimeAsync(5 * RETRY_AFTER_MS);
    expect(bearers).toHaveLength(1);
  });

  it.each([
    { framed: true },
    { framed: true, search: '?shop=evil.myshopify.com&host=aG9zdA', hasAppBridge: true },
    { framed: true, search: '?shop=EVIL.MyShopify.com', hasAppBridge: true },
    { framed: true, search: '?shop=evil.myshopify.com.', hasAppBridge: true },
    { search: '?shop=evil.myshopify.com' },
    { hasAppBridge: true },
    { framed: true, search: '?shop=evil.myshopify.com', hasAppBridge: true, shopify },
  ])('of a page like %o neither receives nor sends an operator’s token', async (page) => {
    const { gate, sent, channels, bearers, storage, receives } = open(page, [down], TOKEN);
    const opening = gate.open();
    await vi.advanceTimersByTimeAsync(30_000);
    await opening;
    receives({ kind: 'token', token: OTHER });
    receives({ kind: 'who' });
    await gate.signIn(OTHER);
    await vi.advanceTimersByTimeAsync(30_000);
    expect([sent, channels]).toEqual([[], []]);
    expect(screenOf(gate).kind).not.toBe('signed-out');
    expect(screenOf(gate).kind).not.toBe('signed-in');
    expect(bearers.filter((bearer) => bearer?.includes('hl_'))).toEqual([]);
    expect(storage.get('hookline.token')).toBe(TOKEN);
  });

  it('refuses a merchant whom Shopify signs in to a store other than the one in the address', async () => {
    const page = { search: '?shop=demo.myshopify.com', hasAppBridge: true, framed: true, shopify };
    const { gate } = open(page, [me(['other.myshopify.com'])]);
    await gate.open();
    expect(screenOf(gate)).toMatchObject({ kind: 'unavailable' });
    const own = open(page, [me(['demo.myshopify.com'])]);
    await own.gate.open();
    expect(screenOf(own.gate).kind).toBe('signed-in');
  });

  it('takes the token of another tab in operator mode', async () => {
    const { gate, receives, bearers } = open({}, [me(['*'])]);
    const opening = gate.open();
    receives({ kind: 'token', token: OTHER });
    await vi.advanceTimersByTimeAsync(1_000);
    await opening;
    expect(screenOf(gate).kind).toBe('signed-in');
    expect(bearers).toEqual([`Bearer ${OTHER}`]);
  });
});
