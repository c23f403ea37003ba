// Mock events of a store: one for each delivery that has a subject, made of the samples in docs/events.

import { readFileSync, readdirSync } from 'node:fs';
import type { ActivityEntry, DeliveryDetail, EventDetail, EventTypesResponse, EventsResponse } from '../src/api';
import type { Store } from './world.ts';

const SAMPLES = new URL('../../docs/events/samples/', import.meta.url);
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const PER_PAGE = 20;

function sample(type: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`${type}.json`, SAMPLES), 'utf8')) as Record<string, unknown>;
}

/** Type of the events that deliveries of a topic cause. */
const TYPES: Partial<Record<string, string>> = {
  'products/create': 'product.created',
  'products/update': 'product.updated',
  'products/delete': 'product.deleted',
  'collections/update': 'collection.updated',
  'inventory_levels/update': 'inventory.updated',
  'orders/create': 'order.created',
};

function letters(value: number, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest = Math.floor(rest / 32)) text = (ALPHABET[rest % 32] ?? '0') + text;
  return text;
}

function eventOf(store: Store, seq: number, entry: ActivityEntry): EventDetail[] {
  const type = TYPES[entry.topic];
  if (type === undefined || !entry.subject) return [];
  const id = `evt_${letters(Date.parse(entry.at), 10)}${letters(seq, 16)}`;
  const kind = type.startsWith('inventory') ? 'product' : (type.split('.')[0] ?? '');
  const subject = { kind, id: entry.subject.id };
  const cause = { topic: entry.topic, delivery_id: entry.id, received_at: entry.received_at };
  const [source, name] = ['shopify', store.name];
  const payload = { ...sample(type), id, timestamp: entry.at, store: { source, id: name }, subject, cause };
  const { changed } = payload as { changed?: string[] | null };
  return [
    {
      store: name,
      id,
      type,
      timestamp: entry.at,
      subject,
      changed: changed ?? null,
      cause,
      payload,
      targets: [{ target: 'bus', verdict: 'sent' }],
      accepted_at: entry.at,
      expires_at: new Date(Date.parse(entry.at) + 14 * 24 * 3_600_000).toISOString(),
    },
  ];
}

/** All events of a store, newest first. */
export function eventsOf(store: Store): EventDetail[] {
  const events = store.kept.flatMap(({ seq, entries }) => entries.flatMap((entry) => eventOf(store, seq, entry)));
  return events.sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** Events of a delivery, as its details name them. */
export function causedBy(store: Store, delivery: string): DeliveryDetail['events'] {
  const ids = eventsOf(store)
    .filter((event) => event.cause?.delivery_id === delivery)
    .map((event) => event.id);
  return ids.length > 0 ? { outcome: 'published', ids } : { outcome: 'unwanted' };
}

export function page(store: Store, query: URLSearchParams): EventsResponse {
  const [type, subject, cause] = ['type', 'subject', 'cause'].map((name) => query.get(name) ?? '');
  const before = query.get('before') ?? '~';
  const selected = eventsOf(store).filter(
    (event) =>
      (!type || event.type === type || (type.endsWith('*') && event.type.startsWith(type.slice(0, -1)))) &&
      (!subject || `${event.subject.kind}#${event.subject.id}` === subject) &&
      (!cause || event.cause?.delivery_id === cause) &&
      event.id < before,
  );
  const events = selected.slice(0, PER_PAGE);
  const last = events.at(-1);
  return {
    events: events.map(({ id, type: kind, timestamp, subject: about, changed, cause: brought }) => ({
      id,
      type: kind,
      timestamp,
      subject: about,
      changed,
      cause: brought,
    })),
    next: selected.length > PER_PAGE && last ? last.id : null,
  };
}

export function types(): EventTypesResponse {
  const names = readdirSync(SAMPLES).map((file) => file.replace(/\.json$/, ''));
  return {
    event_types: names.map((name) => ({
      type: name === 'custom' ? 'custom.*' : name,
      resource: 'custom',
      meaning: '',
      version: 1,
    })),
  };
}
