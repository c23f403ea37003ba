// Mock events of a store: one for each delivery that has a subject, made of the samples in docs/events.

import { readFileSync, readdirSync } from 'node:fs';
import type {
  ActivityEntry,
  DeliveryDetail,
  EventDetail,
  EventTypeDetail,
  EventTypesResponse,
  EventsResponse,
} from '../src/api';
import type { Store } from './world.ts';

const SAMPLES = new URL('../../docs/events/samples/', import.meta.url);
const SCHEMAS = new URL('../../docs/events/schemas/', import.meta.url);
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
  return [...(made.get(store.name) ?? []), ...events].sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** Events that tests of endpoints have made, by store. */
const made = new Map<string, EventDetail[]>();

/** Makes an event from the sample of a type. */
export function makeEvent(store: Store, type: string): EventDetail {
  const at = new Date().toISOString();
  const events = made.get(store.name) ?? [];
  const id = `evt_${letters(Date.parse(at), 10)}${letters(1_000_000 + events.length, 16)}`;
  const example = sample(type.startsWith('custom.') ? 'custom' : type) as { subject: EventDetail['subject'] };
  const event: EventDetail = {
    store: store.name,
    id,
    type,
    timestamp: at,
    subject: { kind: example.subject.kind, id: example.subject.id },
    changed: null,
    cause: null,
    payload: { ...example, id, type, timestamp: at, cause: null },
    targets: [],
    accepted_at: at,
    expires_at: new Date(Date.parse(at) + 14 * 24 * 3_600_000).toISOString(),
  };
  made.set(store.name, [event, ...events]);
  return event;
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

/** Types whose resource is not the beginning of their names. */
const RESOURCES: Partial<Record<string, EventTypeDetail['resource']>> = { inventory: 'product', message: 'endpoint' };

export function types(): EventTypesResponse {
  const names = readdirSync(SAMPLES).map((file) => file.replace(/\.json$/, ''));
  return {
    event_types: names
      .sort((a, b) => Number(a === 'custom') - Number(b === 'custom'))
      .map((name) => {
        const { type, resource, meaning, version } = typeDetail(name);
        return { type, resource, meaning, version };
      }),
  };
}

export function typeDetail(name: string): EventTypeDetail {
  const family = name.split('.')[0] ?? '';
  const file = family === 'custom' ? 'custom' : name;
  const schema = JSON.parse(readFileSync(new URL(`${file}.json`, SCHEMAS), 'utf8')) as Record<string, unknown>;
  return {
    type: family === 'custom' ? 'custom.*' : name,
    resource: RESOURCES[family] ?? (family as EventTypeDetail['resource']),
    meaning: String(schema['description'] ?? ''),
    version: 1,
    schema,
    sample: sample(file),
  };
}
