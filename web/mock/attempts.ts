// Attempts of the mock's messages, and their details, as one message has them and no list.

import type { Attempt, AttemptCode, Endpoint, Message } from '../src/api';

/** Sentences of the server on codes of attempts; world.test.ts holds them against its source. */
export const CODE_SENTENCES: Record<string, string> = {
  gone: 'It answered 410, which means that it is gone for good. The endpoint is disabled.',
  failed: 'It failed on this message. Its own log says why.',
  connection_refused: 'It refuses connections or cannot be reached. Is it running, and open to the internet?',
  unavailable: 'It is not available at present.',
};

const SIGNATURES = { v1: 'v1,…', v1a: 'v1a,…', both: 'v1,… v1a,…' };

/** Body of the mock endpoints' refusals. */
const REFUSAL = '{"error": "no such sku: SHIRT-XS", "trace": "7f3a91"}';

export const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

export function attempt(before: number, code: AttemptCode | null, took = 84): Attempt {
  const status = code === 'failed' ? 500 : code === 'gone' ? 410 : code === 'unavailable' ? 503 : null;
  return {
    at: ago(before),
    took_ms: took,
    status: code === null ? 204 : status,
    code,
    code_sentence: code === null ? null : (CODE_SENTENCES[code] ?? ''),
    request_headers: null,
    excerpt: null,
  };
}

/** The message with the headers of its attempts, and for admins with what the endpoint said to refuse it last. */
export function inDetail(endpoint: Endpoint, message: Message, isAdmin: boolean): Message {
  const refused = message.attempts.findLastIndex(({ status }) => status !== null && status >= 300);
  const attempts = message.attempts.map((one, index): Attempt => ({
    ...one,
    request_headers: one.status === null ? null : headers(endpoint, message, index + 1),
    excerpt: isAdmin && index === refused ? REFUSAL : null,
  }));
  return { ...message, attempts };
}

function headers(endpoint: Endpoint, { event, type, store, run }: Message, number: number) {
  const shown: [string, string | null][] = [
    ['webhook-id', event],
    ['webhook-timestamp', null],
    ['webhook-signature', SIGNATURES[endpoint.settings.signatures ?? 'v1']],
    ['hookline-type', type],
    ['hookline-store', `shopify:${store}`],
    ['hookline-attempt', String(number)],
    ...(run > 0 ? [['hookline-replay', 'true'] as [string, string]] : []),
    ['ce-specversion', '1.0'],
    ['ce-id', event],
    ['ce-type', type],
    ['ce-source', `/shopify/${store}`],
    ['ce-subject', null],
    ['ce-time', null],
    ['content-type', 'application/json'],
    ['accept-encoding', 'identity'],
    ['user-agent', 'Hookline/…'],
    ...endpoint.header_names.map((name): [string, null] => [name.toLowerCase(), null]),
  ];
  return shown.map(([name, value]) => ({ name, value }));
}
