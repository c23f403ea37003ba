import { readFileSync } from 'node:fs';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import type { Attempt, Endpoint, EndpointStats, EndpointStatus, Message, WhyEndpoint, WhyResponse } from '../../api';
import { type CredentialDrafts, NO_AUTH, NO_CERTIFICATE } from '../../data/credentials-draft';
import { NEW_SETTINGS } from '../../data/endpoint-draft';
import type { Panel } from '../../data/panel';
import { Attempts } from './Attempts';
import type { Place } from './bits';
import { Credentials, type Shown } from './Credentials';
import { Row } from './EndpointList';
import { fromText, previewText } from './EndpointForm';
import { commandsOf, verifiedText, waitingText } from './EndpointMenu';
import { Figures } from './EndpointPage';
import { Fate } from './MessageDialog';
import { emptyText } from './Messages';
import { CODE_NAMES, conditionText, proofText, stateName } from './names';
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
  auth: null,
  client_certificate: null,
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
  mayDisclose: mayChange,
  reachable: true,
  addresses: [],
  types: [],
});

const failed: Attempt = {
  at: NOON,
  took_ms: 240,
  status: 500,
  code: 'failed',
  code_sentence: 'It failed on this message. Its own log says why.',
  request_headers: [
    { name: 'webhook-id', value: 'evt_1' },
    { name: 'x-team', value: null },
  ],
  excerpt: '<b>no such sku</b>',
};
const sent: Attempt = {
  at: NOON,
  took_ms: 84,
  status: 204,
  code: null,
  code_sentence: null,
  request_headers: null,
  excerpt: null,
};

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

  it('can be verified if it gets personal data', () => {
    const settings = { ...endpoint.settings, personal: 'full' as const };
    expect(commandsOf({ ...endpoint, settings })).toContain('verify');
    expect(commandsOf(endpoint)).not.toContain('verify');
    expect(proofText({ proven_at: null, proof_failed: null })).toContain('gets no personal data');
    expect(proofText({ proven_at: NOON, proof_failed: 'Nobody answered.' })).toContain(
      'proved nothing: Nobody answered.',
    );
    expect(verifiedText({ proven_at: NOON, proof_failed: 'Nobody answered.' })).toBe('Not verified. Nobody answered.');
    expect(verifiedText({ proven_at: null, proof_failed: null })).toContain('No answer yet');
    expect(verifiedText({ proven_at: NOON, proof_failed: null })).toContain('Verified');
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

  it('shows of an attempt what the endpoint said and which headers it got, as text', () => {
    const html = renderToStaticMarkup(<Attempts attempts={[failed]} />);
    expect(html).toContain('What it said, and request headers');
    expect(html).toContain('&lt;b&gt;no such sku&lt;/b&gt;');
    expect(html).toContain('<dt>webhook-id</dt><dd><code>evt_1</code></dd>');
    expect(html).toContain('<dt>x-team</dt><dd><span class="faint">not shown</span></dd>');
    const viewed = renderToStaticMarkup(<Attempts attempts={[{ ...failed, excerpt: null }]} />);
    expect(viewed).toContain('<summary>Request headers</summary>');
    expect(renderToStaticMarkup(<Attempts attempts={[sent]} />)).not.toContain('<details>');
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

describe('results', () => {
  const figures = {
    attempts: 2_001,
    sent: 2_000,
    success_rate: 0.9995,
    failed: { timed_out: 1 },
    p50_ms: 48,
    p95_ms: 240,
    p99_ms: 1_200,
  };
  const stats: EndpointStats = {
    from: '2026-11-21T10:00:00Z',
    to: '2026-11-21T12:20:00Z',
    total: figures,
    hours: [{ ...figures, hour: '2026-11-21T11:00:00Z' }],
    sentences: { timed_out: 'It did not answer in time.' },
    sentence: '',
  };
  const html = renderToStaticMarkup(<StatisticsView stats={stats} range={24} />);

  it('have the figures of the range, and failures with their explanation', () => {
    for (const part of [
      '99.9%: 2,000 of 2,001 attempts',
      'p50 48 ms, p95 240 ms, p99 1.2 s',
      '1 × no answer in time.',
      'It did not answer in time.',
    ])
      expect(html).toContain(part);
    const empty = { ...stats, hours: [], total: { ...figures, attempts: 0 } };
    expect(renderToStaticMarkup(<StatisticsView stats={empty} range={168} />)).toContain('in the last 7 days');
  });

  it('are drawn with a bar for each hour, and said for those who do not see them', () => {
    expect(html).toContain('aria-label="2,000 attempts sent and 1 failed in the last 24 hours, by hour.');
    expect(html).toContain('aria-label="Response times in the last 24 hours, by hour: p50 48 ms');
    expect(html.match(/class="hour"/g)).toHaveLength(2 * 3);
    expect(html.match(/rect class="(t0|t3|t5|t2|t1)"/g)).toHaveLength(5);
    expect(html).toContain('no answer in time: 1');
  });
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

describe('credentials', () => {
  const auth = {
    kind: 'oauth2',
    token_url: 'https://login.example.com/token',
    client_id: 'hookline',
    scope: 'a b',
    credentials_in: 'header',
  } as const;
  const shown = { auth, client_certificate: { subject: 'CN=hookline', ends_at: '2020-01-01T00:00:00Z' } };
  const html = (draft: CredentialDrafts, now: Shown | null) =>
    renderToStaticMarkup(<Credentials draft={draft} shown={now} onChange={() => {}} />);

  it('that an endpoint has are said without a secret, and can be replaced or removed', () => {
    const kept = html({ auth: 'keep', client_certificate: 'keep' }, shown);
    expect(kept).toContain('A token of https://login.example.com/token for the client hookline, scope a b.');
    expect(kept).toContain('CN=hookline, which ended');
    for (const button of ['Replace the authorization', 'Remove the client certificate']) expect(kept).toContain(button);
    expect(kept).not.toContain('<input');
    expect(html({ auth: 'remove', client_certificate: 'keep' }, shown)).toContain('is removed when you save');
  });

  it('that are added have fields, of which the secret one is no plain text', () => {
    const none = html({ auth: 'keep', client_certificate: 'keep' }, null);
    for (const button of ['Add an authorization', 'Add a client certificate']) expect(none).toContain(button);
    const fields = html({ auth: NO_AUTH, client_certificate: NO_CERTIFICATE }, null);
    expect(fields).toMatch(/type="password"[^>]*autoComplete="new-password"/i);
    expect(fields.match(/<textarea/g)).toHaveLength(2);
  });

  it('and the addresses that a firewall has to accept are named', () => {
    expect(fromText(['198.51.100.7', '203.0.113.0/28'])).toBe(', from 198.51.100.7, 203.0.113.0/28');
    expect(fromText([])).toBe('');
  });
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
