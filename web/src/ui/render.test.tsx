import { readFileSync } from 'node:fs';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import type { DeliveryDetail, SearchResponse, Status } from '../api';
import { emptyView } from '../data/view';
import { ProblemBanner } from './Delivery';
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
