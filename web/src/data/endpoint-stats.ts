// Statistics of an endpoint, as the panel draws them: every hour of the range, and failures by how often they happened.

import type { EndpointStats, StatsFigures, StatsHour } from '../api';

const HOUR_MS = 3_600_000;

/** Ranges that the panel shows, in hours. */
export const RANGES = [
  { hours: 24, name: '24 hours' },
  { hours: 168, name: '7 days' },
] as const;

export type Range = (typeof RANGES)[number]['hours'];

const NONE: StatsFigures = {
  attempts: 0,
  sent: 0,
  success_rate: null,
  failed: {},
  p50_ms: null,
  p95_ms: null,
  p99_ms: null,
};

/** Returns every hour of the range, the earliest first: the server leaves out those without an attempt. */
export function allHours({ from, to, hours }: EndpointStats): StatsHour[] {
  const known = new Map(hours.map((hour) => [Date.parse(hour.hour), hour]));
  const all: StatsHour[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += HOUR_MS)
    all.push(known.get(at) ?? { ...NONE, hour: new Date(at).toISOString() });
  return all;
}

export interface Failures {
  code: string;
  sentence: string;
  attempts: number;
}

/** Returns the failures of the whole range, the most frequent first. */
export function failuresOf({ total, sentences }: EndpointStats): Failures[] {
  return Object.entries(total.failed)
    .map(([code, attempts]) => ({ code, attempts, sentence: sentences[code] ?? '' }))
    .sort((a, b) => b.attempts - a.attempts || (a.code < b.code ? -1 : 1));
}

/** Returns the number of attempts that failed. */
export function failedOf({ attempts, sent }: StatsFigures): number {
  return attempts - sent;
}
