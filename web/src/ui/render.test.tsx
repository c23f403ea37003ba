import { readFileSync } from 'node:fs';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import type { DeliveryDetail, EventDetail, SearchResponse, Status } from '../api';
import { emptyView } from '../data/view';
import { ALL_EVENTS } from '../data/events';
import { Caused, ProblemBanner } from './Delivery';
import { Details } from './Event';
import { Rows, emptyText } from './Events';
import { stepOf } from './BarChart';
import { HourChart } from './HourChart';
import { Results } from './Search';
import { Figures } from './StorePage';

const { statuses } = JSON.parse(readFileSync(new URL('../../fixtures/said.json', import.meta.url), 'utf8')) as {
  statuses: Record<string, Status>;
};

describe('the figure of dead letters', () => {
  const isRed = (status: Status) => {
    const html = renderToStaticMarkup(<Figures view={emptyView(status.store)} status={status} />);
    expect(html).toContain('data-figure="dead-letters"');
    return /data-figure="dead-letters" data-bad=""/.test(html);
  };

  it('is not red when only a parked delivery in the queue needs a person', () => {
    const parked = statuses['parked'] as Status;
    expect([parked.failed.attention, parked.failed.dead_letters]).toEqual([1, 0]);
    expect(isRed(parked)).toBe(false);
  });

  it.each(Object.keys(statuses))('is red by its own count in the situation %s', (situation) => {
    const status = statuses[situation] as Status;
    expect(isRed(status)).toBe(status.failed.dead_letters > 0);
  });
});

describe('the chart of events', () => {
  const hour = (at: number, events: Record<string, number>) => ({
    hour: `2026-11-21T0${at}:00:00Z`,
    events,
    missed: {},
    duplicates: 0,
    signature_failures: 0,
  });

  it('stacks the topics of an hour from the bottom, the busiest first', () => {
    const hours = [hour(0, {}), hour(1, { 'orders/create': 2, 'products/update': 6 })];
    const html = renderToStaticMarkup(<HourChart hours={hours} />);
    const bars = [...html.matchAll(/<rect class="(t\d)"[^>]* y="([\d.]+)" height="([\d.]+)"/g)].map((bar) =>
      bar.slice(1),
    );
    expect(bars).toEqual([
      ['t0', '40', '120'],
      ['t1', '0', '40'],
    ]);
    expect(html).toContain('products/update: 6');
    expect(html).toContain('no events');
  });

  it('has at most six lines, at round numbers', () => {
    expect([1, 5, 6, 11, 26, 260].map(stepOf)).toEqual([1, 1, 2, 5, 10, 100]);
  });
});

describe('the results of a search', () => {
  const response: SearchResponse = { query: 'walnut', total: 0, took_ms: 7, truncated: false, results: [] };

  it('say so if some were left out', () => {
    const html = renderToStaticMarkup(<Results response={{ ...response, truncated: true }} />);
    expect(html).toContain('Some results or search words were left out. Search for fewer words to see the rest.');
  });

  it('do not mention it if they are complete', () => {
    expect(renderToStaticMarkup(<Results response={response} />)).not.toContain('left out');
  });
});

it('a delivery’s error shows the advice of the server', () => {
  const problem: NonNullable<DeliveryDetail['problem']> = {
    at: '2026-11-21T12:00:00Z',
    code: 'index_unavailable',
    message: 'the index did not answer',
    advice: 'Look at the cluster’s health.',
  };
  const html = renderToStaticMarkup(<ProblemBanner problem={problem} />);
  expect(html).toContain('<strong>What to do:</strong> Look at the cluster’s health.');
});

describe('a delivery', () => {
  const caused = (events: DeliveryDetail['events']) =>
    renderToStaticMarkup(<Caused store="demo.myshopify.com" id="b5/45" events={events} />);

  it('links to each event that it caused', () => {
    const html = caused({ outcome: 'published', ids: ['evt_01M8KC7FD03QH5TX988ZJ0TNS4'] });
    expect(html).toContain('href="#/stores/demo.myshopify.com/events/evt_01M8KC7FD03QH5TX988ZJ0TNS4?cause=b5%2F45"');
  });

  it.each([
    [{ outcome: 'quiet' as const }, 'changed nothing that events tell'],
    [{ outcome: 'unwanted' as const }, 'Nobody listened'],
    [{ outcome: 'deferred' as const }, 'A job reads the state'],
    [null, '<p><a '],
  ])('says why there is none: %o', (events, words) => {
    expect(caused(events)).toContain(words);
    expect(caused(events)).toContain('href="#/stores/demo.myshopify.com/events?cause=b5%2F45"');
  });
});

describe('an event', () => {
  const detail: EventDetail = {
    store: 'demo.myshopify.com',
    id: 'evt_01M8KC7FD03QH5TX988ZJ0TNS4',
    type: 'inventory.updated',
    timestamp: '2026-11-29T10:04:52Z',
    subject: { kind: 'product', id: '788' },
    changed: ['inventory'],
    cause: { topic: 'inventory_levels/update', delivery_id: 'b5/45', received_at: '2026-11-29T10:04:51Z' },
    payload: { previous: { available: true }, data: { title: '<b>Stove</b>' } },
    targets: [{ target: 'bus', verdict: 'queued', error: 'throttled' }],
    accepted_at: '2026-11-29T10:04:53Z',
    expires_at: '2026-12-13T10:04:53Z',
  };

  it('shows its payload, its cause and its neighbours', () => {
    const html = renderToStaticMarkup(<Details detail={detail} />);
    for (const part of [
      'href="#/stores/demo.myshopify.com/deliveries/inventory_levels%2Fupdate/b5%2F45"',
      'href="#/stores/demo.myshopify.com/events?subject=product%23788"',
      'href="#/stores/demo.myshopify.com/events?cause=b5%2F45"',
      '&lt;b&gt;Stove&lt;/b&gt;',
      '{&quot;available&quot;:true}',
      'Being sent',
      'throttled',
    ])
      expect(html).toContain(part);
  });

  it('that a person published has no delivery to link to', () => {
    const html = renderToStaticMarkup(<Details detail={{ ...detail, cause: null, payload: {} }} />);
    expect(html).toContain('published by hand');
    expect(html).not.toContain('/deliveries/');
  });

  it('is opened from its row, and the filter stays', () => {
    const filter = { ...ALL_EVENTS, type: 'inventory.*' };
    const html = renderToStaticMarkup(<Rows store={detail.store} filter={filter} events={[detail]} />);
    expect(html).toContain(`href="#/stores/demo.myshopify.com/events/${detail.id}?type=inventory.*"`);
    expect(emptyText(filter, false)).toBe('No event matches.');
    expect(emptyText(ALL_EVENTS, false)).toContain('somebody listens');
  });
});
