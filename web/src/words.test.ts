import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { StoreState, Status, StoreSummary } from './api';
import { readFrame } from './api';
import { ago, delay, highlightParts, installName, percent, plural, price, withReadableTimes } from './ui/format';
import { ERRORS, OUTCOMES, STAGES, STATES, TASKS, VERDICTS, errorName, readingOf } from './ui/words';
import { asSentence } from './data/client';
import { emptyList, withPage, withSummaries } from './data/list';
import { ALL_EVENTS } from './data/events';
import { eventsRoute, hashOf, readRoute } from './data/route';
import { isToken, operatorSession } from './data/session';

describe('numbers and times', () => {
  it('read as people write them', () => {
    const now = Date.parse('2026-11-21T12:00:00Z');
    const times = ['12:00:01', '11:59:58', '11:59:20', '11:57:10', '09:30:00'].map((at) =>
      ago(`2026-11-21T${at}Z`, now),
    );
    expect(times).toEqual(['just now', 'just now', '40 s ago', '2 min ago', '2 h ago']);
    expect(ago('2026-11-18T12:00:00Z', now)).toBe('3 days ago');
  });

  it('have their units', () => {
    expect([0, 420, 1_250, 42_000, 95_000, 7_200_000].map(delay)).toEqual([
      '0 ms',
      '420 ms',
      '1.3 s',
      '42 s',
      '1.6 min',
      '2.0 h',
    ]);
    expect([0, 0.0004, 0.0042, 0.5].map(percent)).toEqual(['0%', 'under 0.1%', '0.4%', '50%']);
    expect([plural(1, 'store'), plural(1_200, 'store')]).toEqual(['1 store', '1,200 stores']);
    expect([price('39.00', '49.00', 'EUR'), price('39.00', '39.00', undefined)]).toEqual([
      '39.00 to 49.00 EUR',
      '39.00',
    ]);
  });

  it('mark matches, and never contain HTML', () => {
    expect(highlightParts('a <em>b</em> <img src=x>')).toEqual([
      { text: 'a ', matches: false },
      { text: 'b', matches: true },
      { text: ' <img src=x>', matches: false },
    ]);
  });

  it('make the times in a sentence readable', () => {
    const text = withReadableTimes('not before 2026-11-22T13:18:39.675Z, or 2026-11-23T10:00:00Z');
    expect(text).toMatch(/^not before \d+ Nov 2026, \d\d:18:39, or \d+ Nov 2026, \d\d:00:00$/);
  });

  it('name installs as the command does', () => {
    const cases = JSON.parse(readFileSync(new URL('../fixtures/installs.json', import.meta.url), 'utf8')) as {
      epoch: number;
      words: string;
    }[];
    for (const { epoch, words } of cases) expect(installName(epoch)).toBe(words);
  });

  it('name the cause of a failure, and leave advice to the server', () => {
    expect(errorName('index_unavailable')).toBe('No answer from the index');
    expect(errorName('index_unavailable', 'denied')).toBe('Index: access refused');
    expect(errorName('storage_unavailable', 'throttled')).toBe('Table, queue, bucket or key: throttled');
    // An unspecific cause adds nothing, and neither does one of a newer server.
    expect(errorName('index_unavailable', 'other')).toBe('No answer from the index');
    expect(errorName('index_unavailable', 'on_fire')).toBe('No answer from the index');
    expect(errorName('schema_mismatch', 'denied')).toBe('Unexpected payload format');
    const said = JSON.parse(readFileSync(new URL('../fixtures/said.json', import.meta.url), 'utf8')) as {
      statuses: Record<string, Status>;
    };
    const [deadLetter, retrying] = said.statuses['denied']?.failed.deliveries ?? [];
    expect([deadLetter?.cause, retrying?.cause]).toEqual(['denied', 'denied']);
    for (const one of [deadLetter, retrying])
      expect(one?.meaning).toContain('Remove the cause: deploy the stack again');
  });

  it('make sentences of errors', () => {
    expect([asSentence('try again'), asSentence('Done.')]).toEqual(['Try again.', 'Done.']);
  });
});

describe('addresses', () => {
  it('survive a round trip through the address', () => {
    const routes = [
      { store: null, delivery: null },
      { store: 'demo.myshopify.com', delivery: null },
      { store: 'square:MJUNIPER1oak2', delivery: null },
      { store: 'demo.myshopify.com', delivery: { topic: 'products/update', id: 'a/b?c#d%' } },
      eventsRoute('demo.myshopify.com', ALL_EVENTS),
      eventsRoute('square:MJUNIPER1oak2', { type: 'product.*', subject: 'product#7/8?', cause: 'a&b' }, 'evt_1'),
      eventsRoute('demo.myshopify.com', { ...ALL_EVENTS, cause: 'a/b?c#d%' }),
    ];
    for (const route of routes) expect(readRoute(hashOf(route))).toEqual(route);
  });

  it('are refused if they are not of this page', () => {
    for (const hash of [
      '',
      '#',
      '#main',
      '#/stores/..',
      '#/stores/a%2Fb',
      '#/stores/%',
      '#/other',
      '#/stores/a/b',
      '#/?type=a',
      '#/stores/a.myshopify.com?type=a',
      '#/stores/a.myshopify.com/events/a/b',
      '#/stores/a.myshopify.com/deliveries/t',
      '#/stores/demo',
      '#/stores/\u212aelvin.myshopify.com',
      '#/stores/demo.myshopify.com.',
      '#/stores/shopify%3Ademo.myshopify.com',
      '#/stores/Square%3AMJUNIPER1',
      '#/stores/square%3A',
      '#/stores/square%3Aa%2Fb',
    ]) {
      expect(readRoute(hash), hash).toBeNull();
    }
  });
});

describe('the list', () => {
  const summary = (store: string, state: StoreState = 'live', seq = 1): StoreSummary => ({
    store,
    state,
    why: '',
    enabled: true,
    last_event_at: null,
    last_sync_at: null,
    events_24h: 0,
    retrying: 0,
    dead_letters: 0,
    seq,
  });
  const counts = { live: 3, idle: 0, attention: 0 };
  const page = (stores: string[], next: string | null) => ({
    stores: stores.map((store) => summary(store)),
    next,
    counts,
  });
  const names = (list: { stores: StoreSummary[] }) => list.stores.map((one) => one.store);

  it('puts newer summaries in their place, and ignores older ones', () => {
    const list = withPage(emptyList({ q: '', state: null }), page(['a', 'c'], 'c'), null);
    const after = withSummaries(list, [summary('a', 'idle', 2), summary('b'), summary('x'), summary('c', 'idle', 0)]);
    expect(after.stores.map((one) => `${one.store} ${one.state}`)).toEqual(['a idle', 'b live', 'c live']);
    expect(names(withPage(after, page(['d', 'x'], null), 'c'))).toEqual(['a', 'b', 'c', 'd', 'x']);
  });

  it('keeps summaries that are newer than the page', () => {
    const list = withSummaries(withPage(emptyList({ q: '', state: null }), page(['a'], null), null), [
      summary('a', 'idle', 2),
    ]);
    expect(withPage(list, page(['a'], null), null).stores[0]?.state).toBe('idle');
  });

  it('keeps summaries that arrive before the first page', () => {
    const early = withSummaries(emptyList({ q: '', state: null }), [summary('a', 'attention', 2)]);
    expect(early.stores).toEqual([]);
    expect(withPage(early, page(['a'], null), null).stores[0]?.state).toBe('attention');
  });

  it('follows its filter as stores change', () => {
    const list = withPage(emptyList({ q: 'sho', state: 'live' }), page(['shoe', 'shop'], null), null);
    expect(names(withSummaries(list, [summary('shoe', 'attention', 2), summary('shot'), summary('other')]))).toEqual([
      'shop',
      'shot',
    ]);
  });
});

describe('the reading of a store', () => {
  const { statuses } = JSON.parse(readFileSync(new URL('../fixtures/said.json', import.meta.url), 'utf8')) as {
    statuses: Record<string, Status>;
  };

  it('is the server’s state in every situation', () => {
    const titles = Object.entries(statuses).map(([situation, status]) => [situation, readingOf(status)]);
    expect(Object.fromEntries(titles)).toMatchObject({
      live: 'Live and healthy',
      idle: 'Idle',
      never: 'No webhook yet',
      uninstalled: 'Uninstalled',
      parked: 'Failed deliveries wait for you',
      parked_idle: 'Failed deliveries wait for you',
      dead_letter: 'Failed deliveries wait for you',
      expired: 'Failed deliveries wait for you',
    });
    for (const [situation, status] of Object.entries(statuses)) {
      const calm = ['Live and healthy', 'Idle', 'No webhook yet'].includes(readingOf(status));
      expect(calm, situation).toBe(status.state !== 'attention');
      expect(status.reasons.length > 0, situation).toBe(status.state === 'attention');
    }
  });
});

it('has a name for every code of the API', () => {
  const described = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));
  const { ErrorCode, StoreState, RunTask, RunStage, DeliveryOutcome, TargetVerdict } = described.components.schemas;
  expect(Object.keys(ERRORS)).toEqual(expect.arrayContaining(ErrorCode.enum));
  expect(Object.keys(STATES)).toEqual(expect.arrayContaining(StoreState.enum));
  expect(Object.keys(TASKS)).toEqual(expect.arrayContaining(RunTask.enum));
  expect(Object.keys(STAGES)).toEqual(expect.arrayContaining(RunStage.enum));
  expect(Object.keys(VERDICTS)).toEqual(expect.arrayContaining(TargetVerdict.enum));
  expect(Object.keys(OUTCOMES)).toEqual(expect.arrayContaining(DeliveryOutcome.enum));
});

describe('an operator’s session', () => {
  it('has a key that is not secret', () => {
    expect(operatorSession('hl_abcdefghij_supersecretsupersecret').key).toBe('hl_abcdefghij');
    expect([isToken('hl_abcdefghij_supersecretsupersecret'), isToken('hl_abc'), isToken('')]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

it('reads frames, and nothing else', () => {
  expect(readFrame('{"type":"pong","seqs":{}}')).toEqual({ type: 'pong', seqs: {} });
  for (const text of ['', 'null', '{}', '{"type":"other"}', '{"message":"Forbidden"}'])
    expect(readFrame(text)).toBeNull();
});
