import { readFileSync } from 'node:fs';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import type { Attempt, Endpoint, EndpointStatus, Message, WhyEndpoint, WhyResponse } from '../../api';
import { NEW_SETTINGS } from '../../data/endpoint-draft';
import type { Panel } from '../../data/panel';
import { statisticsOf } from '../../data/webhooks';
import { Attempts } from './Attempts';
import type { Place } from './bits';
import { Row } from './EndpointList';
import { previewText } from './EndpointForm';
import { commandsOf, waitingText } from './EndpointMenu';
import { Figures } from './EndpointPage';
import { Fate } from './MessageDialog';
import { emptyText } from './Messages';
import { CODE_NAMES, conditionText, stateName } from './names';
import { testText } from './SendTest';
import { StatisticsView } from './StatisticsCard';
import { Chain } from './Why';

const DEMO = 'demo.myshopify.com';
const NOON = '2026-11-21T12:00:00Z';

const endpoint: Endpoint = {
  id: 'ep_1',
  owner: `shopify#${DEMO}`,
  revision: 1,
  state: 'active',
  state_since: NOON,
  state_reason: null,
  state_sentence: 'Messages are sent.',
  code: null,
  settings: { ...NEW_SETTINGS, url: 'https://example.com/<hook>', types: ['product.*', 'order.created'] },
  header_names: [],
  public_keys: [],
  secrets: [{ created_at: NOON, until: null }],
  proven_at: null,
  proof_failed: null,
  created_at: NOON,
};

const status: EndpointStatus = {
  queue: { messages: 1_000, has_more: true, oldest_at: NOON },
  breaker: 'open',
  next_attempt_at: null,
  at_once: 1,
  mean_ms: 120,
  failing_since: NOON,
  last_success_at: null,
  pool: 'slow',
  sentence: '',
};

const place = (mayChange: boolean): Place => ({
  panel: {} as Panel,
  owner: DEMO,
  mayChange,
  reachable: true,
  types: [],
});

const failed: Attempt = {
  at: NOON,
  took_ms: 240,
  status: 500,
  code: 'failed',
  code_sentence: 'It failed on this message. Its own log says why.',
};
const sent: Attempt = { at: NOON, took_ms: 84, status: 204, code: null, code_sentence: null };

const message: Message = {
  event: 'evt_1',
  type: 'product.updated',
  store: DEMO,
  fate: 'sent',
  attempts: [failed, sent],
  failed: 1,
  next_attempt_at: null,
  run: 0,
  sentence: 'Sent at 12:00:00 UTC on the second attempt.',
};

describe('a row of the table', () => {
  const row = (change: Partial<Endpoint>, mayChange = true) =>
    renderToStaticMarkup(
      <table>
        <tbody>
          <Row
            place={place(mayChange)}
            endpoint={{ ...endpoint, ...change }}
            status={status}
            resources={['product', 'order']}
            onChanged={() => {}}
          />
        </tbody>
      </table>,
    );

  it('has resource, events, URL, state in words, last success and waiting messages', () => {
    const html = row({});
    for (const part of [
      'Products, Orders',
      'product.*, order.created',
      'Active',
      'never',
      '1,000+ messages',
      'Failing',
    ])
      expect(html).toContain(part);
    expect(html).toContain(`href="#/stores/${DEMO}/webhooks/ep_1"`);
    expect(html).toContain('https://example.com/&lt;hook&gt;');
  });

  it('says why an endpoint is disabled or paused', () => {
    expect(row({ state: 'disabled', code: 'gone' })).toContain('Disabled: answered 410');
    expect(row({ state: 'paused', state_reason: 'Maintenance' })).toContain('Maintenance');
    expect(stateName({ state: 'disabled', code: 'on_fire' as Endpoint['code'] })).toBe('Disabled: on fire');
  });

  it('has a menu only for those who may change the endpoint', () => {
    expect(row({})).toContain('aria-label="Actions for https://example.com/&lt;hook&gt;"');
    expect(row({}, false)).not.toContain('menuitem');
  });
});

it('the menu has what the state allows', () => {
  const commands = (state: Endpoint['state']) => commandsOf({ ...endpoint, state }).join(' ');
  expect(commands('active')).toBe('edit pause test rotate delete');
  expect(commands('paused')).toBe('edit activate rotate delete');
  expect(commands('disabled')).toBe('edit activate rotate delete');
  expect(commands('deleting')).toBe('');
});

it('the figures of an endpoint say what the breaker and the next attempt mean', () => {
  const figures = (change: Partial<Endpoint>, health: Partial<EndpointStatus>) =>
    renderToStaticMarkup(<Figures endpoint={{ ...endpoint, ...change }} status={{ ...status, ...health }} />);
  expect(figures({}, {})).toMatch(/data-figure="breaker" data-bad="".*Open.*It takes nothing/);
  expect(figures({}, {})).toContain('any moment now');
  const calm = figures({}, { breaker: 'closed', queue: { messages: 0, has_more: false, oldest_at: null } });
  expect(calm).toContain('with the next event');
  expect(calm).not.toContain('data-bad');
  expect(figures({ state: 'paused' }, {})).toContain('none: not active');
  expect(waitingText({ ...status, queue: { messages: 1, has_more: false, oldest_at: null } })).toBe('1 message');
});

describe('a message', () => {
  it('shows its attempts with status, time and the sentence of the server', () => {
    const html = renderToStaticMarkup(<Attempts attempts={message.attempts} />);
    expect(html).toContain('It answered 500 in 240 ms. It failed on this message. Its own log says why.');
    expect(html).toContain('It answered 204 in 84 ms.');
    const none = { ...failed, status: null, code: 'timed_out' as const, code_sentence: 'It did not answer in time.' };
    expect(renderToStaticMarkup(<Attempts attempts={[none]} />)).toContain('No answer after 240 ms. It did not');
  });

  it('says its fate in the words of the server, and that a person sent it again', () => {
    const html = renderToStaticMarkup(<Fate message={{ ...message, run: 2 }} />);
    expect(html).toContain(message.sentence);
    expect(html).toContain('Somebody sent it again, 2 times.');
  });

  it('that a test has made says what the endpoint answered', () => {
    expect(testText({ message, waiting: false })).toBe('The endpoint has taken the test. It answered 204 in 84 ms.');
    const open = { ...message, fate: 'open' as const, attempts: [failed] };
    expect(testText({ message: open, waiting: false })).toContain('has not taken the test. It answered 500');
    const untried = { ...open, attempts: [], sentence: 'Waits to be sent.' };
    expect(testText({ message: untried, waiting: true })).toBe('The test has not been tried yet. Waits to be sent.');
  });
});

it('the results say how many messages they are computed from', () => {
  const exhausted: Message = { ...message, fate: 'exhausted', attempts: [failed] };
  const html = renderToStaticMarkup(
    <StatisticsView statistics={statisticsOf([message, message, message, exhausted])} />,
  );
  for (const part of [
    'Of the latest 4 messages that were sent or tried, with 7 attempts',
    '75%: 3 sent, 1 failed for good',
    'p50 240 ms',
    '4 × server error.',
    'Its own log says why.',
  ])
    expect(html).toContain(part);
  expect(renderToStaticMarkup(<StatisticsView statistics={statisticsOf([])} />)).toContain('No message has been sent');
});

it('an empty list of messages says why', () => {
  expect(emptyText({ fate: 'open', type: '' }, false)).toBe('Nothing waits.');
  expect(emptyText({ fate: 'sent', type: '' }, false)).toBe('No message matches.');
  expect(emptyText({ fate: '', type: '' }, false)).toContain('Send a test');
  expect(emptyText({ fate: '', type: 'a' }, true)).toContain('There are older ones.');
});

it('a preview has the numbers of the server', () => {
  expect(previewText({ would_pass: 37, of: 100 })).toBe('37 of the latest 100 events would have been sent.');
  expect(previewText({ would_pass: 0, of: 0 })).toContain('nothing to compare with');
});

it('conditions read as sentences', () => {
  expect(conditionText({ path: 'data.total', op: '>', value: '100' })).toBe('data.total is greater than 100');
  expect(conditionText({ path: 'data.tags', op: 'in', value: ['a', 'b'] })).toBe('data.tags is one of a, b');
  expect(conditionText({ path: 'data.image', op: 'exists', value: false })).toBe('data.image does not exist');
  expect(conditionText({ op: 'changed', value: 'price' })).toBe('price has changed');
});

describe('why', () => {
  const at: WhyEndpoint = {
    endpoint: 'ep_1',
    owner: `shopify#${DEMO}`,
    url: 'https://example.com/hook',
    verdict: 'queued',
    verdict_sentence: 'The event is a message of this endpoint.',
    fate: 'sent',
    attempts: [],
    sentence: 'Sent at 12:00:00 UTC on the first attempt.',
  };
  const why: WhyResponse = {
    event: 'evt_1',
    type: 'product.updated',
    cause: { topic: 'products/update', delivery_id: 'b5/45', received_at: NOON },
    endpoints: [at],
    bus: { verdict: 'sent' },
  };
  const html = (change: Partial<WhyResponse>) =>
    renderToStaticMarkup(<Chain store={DEMO} why={{ ...why, ...change }} />);

  it('goes from the delivery to the message of each endpoint', () => {
    expect(html({})).toContain(`href="#/stores/${DEMO}/deliveries/products%2Fupdate/b5%2F45"`);
    expect(html({})).toContain(`href="#/stores/${DEMO}/webhooks/ep_1/evt_1"`);
    expect(html({})).toContain('Sent at 12:00:00 UTC on the first attempt.');
    expect(html({ endpoints: [{ ...at, owner: '*' }] })).toContain('href="#/webhooks/ep_1/evt_1"');
  });

  it('says why an endpoint did not get the event, and has no link to one that is deleted', () => {
    const filtered = { ...at, verdict: 'filtered', fate: null, sentence: 'Not sent: the condition a did not hold.' };
    expect(html({ endpoints: [filtered] })).toContain('Filtered out');
    expect(html({ endpoints: [filtered] })).toContain('href="#/stores/demo.myshopify.com/webhooks/ep_1"');
    expect(html({ cause: null, endpoints: [{ ...filtered, url: null }] })).not.toContain('href');
    expect(html({ endpoints: [] })).toContain('There was no webhook');
  });
});

it('every code of an attempt has a name of its own', () => {
  const source = readFileSync(new URL('../../../../docs/openapi.json', import.meta.url), 'utf8');
  const { schemas } = (JSON.parse(source) as { components: { schemas: { AttemptCode: { enum: string[] } } } })
    .components;
  expect(Object.keys(CODE_NAMES).sort()).toEqual(schemas.AttemptCode.enum.toSorted());
  expect(new Set(Object.values(CODE_NAMES)).size).toBe(schemas.AttemptCode.enum.length);
});
