// Details of a message's attempts, as one message has them and no list.

import type { Attempt, Endpoint, Message } from '../src/api';

const SIGNATURES = { v1: 'v1,…', v1a: 'v1a,…', both: 'v1,… v1a,…' };

/** Body of the mock endpoints' refusals. */
const REFUSAL = '{"error": "no such sku: SHIRT-XS", "trace": "7f3a91"}';

/** The message with the headers of its attempts, and for admins with what the endpoint said to refuse it last. */
export function inDetail(endpoint: Endpoint, message: Message, isAdmin: boolean): Message {
  const refused = message.attempts.findLastIndex(({ status }) => status !== null && status >= 300);
  const attempts = message.attempts.map((attempt, index): Attempt => ({
    ...attempt,
    request_headers: attempt.status === null ? null : headers(endpoint, message, index + 1),
    excerpt: isAdmin && index === refused ? REFUSAL : null,
  }));
  return { ...message, attempts };
}

function headers(endpoint: Endpoint, { event, type, store, run }: Message, attempt: number) {
  const shown: [string, string | null][] = [
    ['webhook-id', event],
    ['webhook-timestamp', null],
    ['webhook-signature', SIGNATURES[endpoint.settings.signatures ?? 'v1']],
    ['hookline-type', type],
    ['hookline-store', `shopify:${store}`],
    ['hookline-attempt', String(attempt)],
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
