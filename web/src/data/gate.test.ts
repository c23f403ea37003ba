import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Me } from '../api';
import { AGAIN_AFTER, type Around, Gate } from './gate';
import type { Hub } from './hub';
import { type Channel, type Opened, modeOf } from './session';
import { shopName } from './shop';

const TOKEN = 'hl_abcdefghij_supersecretsupersecret';
const OTHER = 'hl_klmnopqrst_supersecretsupersecret';
const shopify = { idToken: () => Promise.resolve('jwt') };
const TOP: Opened = { search: '', framed: false, bridged: false, shopify: undefined };

interface Case {
  given: string;
  name: string | null;
}

const names = JSON.parse(readFileSync(new URL('../../fixtures/shop-names.json', import.meta.url), 'utf8')) as Case[];

it.each(names)('$given is the shop $name, as the server has it', ({ given, name }) => {
  expect(shopName(given)).toBe(name);
});

describe('how the page may be used', () => {
  const framings: Partial<Opened>[] = [{}, { framed: true }].flatMap((one) => [
    one,
    { ...one, bridged: true },
    { ...one, shopify },
    { ...one, bridged: true, shopify },
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
  const all = framings.flatMap((framing) => searches.map((search): Opened => ({ ...TOP, ...framing, search })));

  it('is by an operator only at the top of a tab, without a word of Shopify', () => {
    for (const opened of all) {
      const operator = modeOf(opened).kind === 'operator';
      const alone = !opened.framed && !opened.bridged && /^\??$/.test(opened.search);
      expect(operator, JSON.stringify(opened)).toBe(alone);
    }
  });

  it('is within Shopify’s admin only for one shop, by its name, with App Bridge', () => {
    for (const opened of all) {
      const mode = modeOf(opened);
      const shops = new URLSearchParams(opened.search).getAll('shop');
      const name = shops.length === 1 ? shopName(shops[0] ?? '') : null;
      const expected = name !== null && opened.shopify !== undefined ? name : null;
      expect(mode.kind === 'embedded' ? mode.shop : null, JSON.stringify(opened)).toBe(expected);
    }
  });

  it('is told to a merchant for whom Shopify did not load, in words for a merchant', () => {
    const mode = modeOf({
      ...TOP,
      search: '?embedded=1&shop=demo.myshopify.com&host=aG9zdA',
      framed: true,
      bridged: true,
    });
    expect(mode).toMatchObject({ kind: 'shut', title: 'Shopify did not load', reload: true });
    expect(JSON.stringify(mode)).not.toMatch(/token|hookline/i);
  });
});

describe('the gate', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** A browser without one: what is told over channels, what is kept, and what the server is asked. */
  function around(opened: Partial<Opened>, answers: (() => Response | Promise<Response>)[], kept = '') {
    const said: unknown[] = [];
    const channels: string[] = [];
    const bearers: (string | null)[] = [];
    const storage = new Map<string, string>(kept === '' ? [] : [['hookline.token', kept]]);
    let heard: (event: { data: unknown }) => void = () => undefined;
    const browser: Around = {
      opened: { ...TOP, ...opened },
      base: new URL('https://api.example/panel/'),
      channel: (name): Channel => {
        channels.push(name);
        return {
          postMessage: (message) => void said.push(message),
          addEventListener: (_, listener) => (heard = listener),
        };
      },
      storage: () => ({
        getItem: (name) => storage.get(name) ?? null,
        setItem: (name, value) => void storage.set(name, value),
        removeItem: (name) => void storage.delete(name),
      }),
      hub: () => ({ leave: () => undefined }) as Hub,
      fetched: (_, init) => {
        bearers.push(new Headers(init?.headers).get('authorization'));
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        return Promise.resolve().then(() => answer?.() ?? Promise.reject(new TypeError('no network')));
      },
    };
    const gate = new Gate(browser);
    return { gate, said, channels, bearers, storage, hears: (data: unknown) => heard({ data }) };
  }

  const at = (gate: Gate) => gate.snapshot().now;
  const down = () => Promise.reject(new TypeError('no network'));
  const answered = (status: number, body: unknown) => () => new Response(JSON.stringify(body), { status });
  const me = (stores: string[]) =>
    answered(200, {
      principal: 'tok_1',
      role: 'viewer',
      stores,
      expires_at: '2999-01-01T00:00:00Z',
    } satisfies Partial<Me>);

  it('keeps trying with a token that was typed while the server was down, and keeps it once it is accepted', async () => {
    const { gate, storage, bearers, said } = around({}, [down, down, answered(503, {}), me(['*'])]);
    const opening = gate.open();
    await vi.advanceTimersByTimeAsync(1_000);
    await opening;
    await gate.signIn(TOKEN);
    expect(at(gate)).toMatchObject({ at: 'unreachable', operator: true });
    expect(storage.size).toBe(0);
    await vi.advanceTimersByTimeAsync(2 * AGAIN_AFTER);
    expect(at(gate).at).toBe('unreachable');
    await vi.advanceTimersByTimeAsync(AGAIN_AFTER);
    expect(at(gate).at).toBe('in');
    expect(bearers).toEqual(Array(4).fill(`Bearer ${TOKEN}`));
    expect(storage.get('hookline.token')).toBe(TOKEN);
    expect(said).toContainEqual({ kind: 'token', token: TOKEN });
  });

  it('stops trying when another token is wanted', async () => {
    const { gate, bearers } = around({}, [down]);
    await gate.signIn(TOKEN);
    gate.otherToken();
    await vi.advanceTimersByTimeAsync(5 * AGAIN_AFTER);
    expect(at(gate)).toEqual({ at: 'out', reason: null });
    expect(bearers).toHaveLength(1);
  });

  it('promises no further try where there is none', async () => {
    const { gate, bearers } = around({}, [answered(401, { message: 'Unauthorized' })]);
    await gate.signIn(TOKEN);
    expect(at(gate)).toMatchObject({ at: 'out' });
    expect(JSON.stringify(at(gate))).not.toMatch(/keeps trying|again/);
    await vi.advanceTimersByTimeAsync(5 * AGAIN_AFTER);
    expect(bearers).toHaveLength(1);
  });

  it.each([
    { framed: true },
    { framed: true, search: '?shop=evil.myshopify.com&host=aG9zdA', bridged: true },
    { framed: true, search: '?shop=EVIL.MyShopify.com', bridged: true },
    { framed: true, search: '?shop=evil.myshopify.com.', bridged: true },
    { search: '?shop=evil.myshopify.com' },
    { bridged: true },
    { framed: true, search: '?shop=evil.myshopify.com', bridged: true, shopify },
  ])('of a page like %o takes no operator’s token, from nobody, and tells none', async (opened) => {
    const { gate, said, channels, bearers, storage, hears } = around(opened, [down], TOKEN);
    const opening = gate.open();
    await vi.advanceTimersByTimeAsync(30_000);
    await opening;
    hears({ kind: 'token', token: OTHER });
    hears({ kind: 'who' });
    await gate.signIn(OTHER);
    await vi.advanceTimersByTimeAsync(30_000);
    expect([said, channels]).toEqual([[], []]);
    expect(at(gate).at).not.toBe('out');
    expect(at(gate).at).not.toBe('in');
    expect(bearers.filter((bearer) => bearer?.includes('hl_'))).toEqual([]);
    expect(storage.get('hookline.token')).toBe(TOKEN);
  });

  it('shuts a merchant out whom Shopify signs in to another store than the address names', async () => {
    const opened = { search: '?shop=demo.myshopify.com', bridged: true, framed: true, shopify };
    const { gate } = around(opened, [me(['other.myshopify.com'])]);
    await gate.open();
    expect(at(gate)).toMatchObject({ at: 'shut' });
    const own = around(opened, [me(['demo.myshopify.com'])]);
    await own.gate.open();
    expect(at(own.gate).at).toBe('in');
  });

  it('takes another tab’s token at the top of its own', async () => {
    const { gate, hears, bearers } = around({}, [me(['*'])]);
    const opening = gate.open();
    hears({ kind: 'token', token: OTHER });
    await vi.advanceTimersByTimeAsync(1_000);
    await opening;
    expect(at(gate).at).toBe('in');
    expect(bearers).toEqual([`Bearer ${OTHER}`]);
  });
});
