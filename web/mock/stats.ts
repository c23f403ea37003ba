// Statistics of a mock endpoint.

import type { Attempt, EndpointStats, Message, StatsFigures } from '../src/api';

const HOUR = 3_600_000;

/** Statistics of the attempts at the messages that are there; the server counts them in classes. */
export function statsOf(messages: Message[], hours: number, sentences: Record<string, string>): EndpointStats {
  const hourOf = (at: string) => Math.floor(Date.parse(at) / HOUR) * HOUR;
  const now = new Date();
  const from = hourOf(new Date(now.getTime() - (hours - 1) * HOUR).toISOString());
  const attempts = messages.flatMap((message) => message.attempts).filter(({ at }) => hourOf(at) >= from);
  const known = [...new Set(attempts.map(({ at }) => hourOf(at)))].sort((a, b) => a - b);
  const total = figuresOf(attempts);
  return {
    from: new Date(from).toISOString(),
    to: now.toISOString(),
    total,
    hours: known.map((hour) => ({
      hour: new Date(hour).toISOString(),
      ...figuresOf(attempts.filter(({ at }) => hourOf(at) === hour)),
    })),
    sentences: Object.fromEntries(Object.keys(total.failed).map((code) => [code, sentences[code] ?? ''])),
    sentence: '',
  };
}

function figuresOf(attempts: Attempt[]): StatsFigures {
  const failed: Record<string, number> = {};
  for (const { code } of attempts) if (code) failed[code] = (failed[code] ?? 0) + 1;
  const sent = attempts.filter(({ code }) => !code).length;
  const times = attempts
    .filter(({ status }) => typeof status === 'number')
    .map(({ took_ms }) => took_ms)
    .sort((a, b) => a - b);
  const rank = (percent: number) => times[Math.ceil((times.length * percent) / 100) - 1] ?? null;
  return {
    attempts: attempts.length,
    sent,
    success_rate: attempts.length === 0 ? null : Math.floor((sent / attempts.length) * 10_000) / 10_000,
    failed,
    p50_ms: rank(50),
    p95_ms: rank(95),
    p99_ms: rank(99),
  };
}
