import { describe, expect, it } from 'vitest';
import type { EndpointStats, StatsHour } from '../api';
import { allHours, failedOf, failuresOf } from './endpoint-stats';

const hour = (at: string, sent: number): StatsHour => ({
  hour: at,
  attempts: sent + 1,
  sent,
  success_rate: 0.5,
  failed: { refused: 1 },
  p50_ms: 40,
  p95_ms: 40,
  p99_ms: 40,
});

const stats: EndpointStats = {
  from: '2026-11-21T09:00:00Z',
  to: '2026-11-21T12:20:00Z',
  total: { ...hour('', 10), failed: { refused: 2, timed_out: 7, closed: 2 } },
  hours: [hour('2026-11-21T10:00:00Z', 3), hour('2026-11-21T12:00:00Z', 7)],
  sentences: { refused: 'It refused.', timed_out: 'Too late.' },
  sentence: '',
};

describe('statistics of an endpoint', () => {
  it('have every hour of the range, also those without an attempt', () => {
    const hours = allHours(stats);
    expect(hours.map((one) => [one.hour.slice(11, 13), one.attempts])).toEqual([
      ['09', 0],
      ['10', 4],
      ['11', 0],
      ['12', 8],
    ]);
    expect(hours[1]).toBe(stats.hours[0]);
    expect([hours[0]?.p50_ms, hours[0]?.success_rate]).toEqual([null, null]);
  });

  it('name failures by how often they happened', () => {
    expect(failuresOf(stats)).toEqual([
      { code: 'timed_out', attempts: 7, sentence: 'Too late.' },
      { code: 'closed', attempts: 2, sentence: '' },
      { code: 'refused', attempts: 2, sentence: 'It refused.' },
    ]);
    expect(failedOf(hour('', 4))).toBe(1);
  });
});
