/** Requests of tests: the vectors, and signed events. */

import { readFileSync } from 'node:fs';
import { type Failure, type HandlerOptions, type Skipped, sign } from '../src/index.ts';

export const SECRET = `whsec_${Buffer.from(Array.from({ length: 32 }, (_, at) => at)).toString('base64')}`;
export const NOW = 1_796_000_000;
export const ID = 'evt_01M8KC7FD03QH5TX988ZJ0TNS4';

/** An entry of sdk/vectors.json. */
export interface Vector {
  name: string;
  secrets: string[];
  now: number;
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
  valid: boolean;
  reason?: string;
  skipped?: string;
  official: boolean;
}

type Entry = Omit<Vector, 'body' | 'official'> & { body?: string; body_base64?: string; official?: boolean };

/** All vectors. */
export function vectors(): Vector[] {
  const file = new URL('../../vectors.json', import.meta.url);
  const entries = (JSON.parse(readFileSync(file, 'utf8')) as { vectors: Entry[] }).vectors;
  return entries.map(({ body, body_base64, official, ...entry }) => ({
    ...entry,
    body: new Uint8Array(body_base64 === undefined ? Buffer.from(body ?? '') : Buffer.from(body_base64, 'base64')),
    official: official ?? (entry.valid || entry.reason === 'body'),
  }));
}

/** Body of an event. */
export function bodyOf(type = 'inventory.updated', changes: object = {}): string {
  return JSON.stringify({
    id: ID,
    type,
    version: 1,
    timestamp: '2026-11-29T10:04:52Z',
    store: { source: 'shopify', id: 'demo.myshopify.com' },
    subject: { kind: 'product', id: '1', version: '2' },
    data: { id: '1', status: 'active', available: false, truncated: false },
    changed: ['inventory'],
    previous: { available: true },
    related: {},
    session_id: null,
    cause: null,
    ...changes,
  });
}

/** Headers of a request with this body. */
export async function signedHeaders(
  body: string | Uint8Array,
  id = ID,
  timestamp = NOW,
): Promise<Record<string, string>> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': await sign(SECRET, id, timestamp, body),
    'content-type': 'application/json',
  };
}

/** A signed request. */
export async function signedRequest(
  body: string | Uint8Array<ArrayBuffer> = bodyOf(),
  id = ID,
  timestamp = NOW,
): Promise<Request> {
  return new Request('http://localhost/webhooks', {
    method: 'POST',
    headers: await signedHeaders(body, id, timestamp),
    body,
  });
}

/** Events and failures that a handler's hooks and callbacks received. */
export class Log {
  readonly events: { type: string; data: unknown }[] = [];
  readonly skipped: Skipped[] = [];
  readonly failures: Failure[] = [];

  /** Options of a handler that writes to this log, with a clock that stands still. */
  options(more: Partial<HandlerOptions> = {}): HandlerOptions {
    return {
      secret: SECRET,
      onInventoryChange: (event) => this.events.push(event),
      onSkipped: (skipped) => this.skipped.push(skipped),
      onFailure: (failure) => this.failures.push(failure),
      now: () => NOW * 1000,
      ...more,
    };
  }

  get reasons(): string[] {
    return this.failures.map((failure) => failure.reason);
  }
}

/** A promise and the function that ends it. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
