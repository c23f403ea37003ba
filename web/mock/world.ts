// Stores as the stack has them, made up: enough to see every state of the page.

import { readFileSync } from 'node:fs';
import type {
  Entry,
  Fate,
  HourOfStatus,
  Lag,
  Me,
  Notice,
  Outcome,
  Percentiles,
  Reading,
  Role,
  State,
  Status,
  StoreStatus,
  Summary,
} from '../src/api';

/** What the server says, in its own words: `cargo test` writes it (crates/lambda/src/api/tests/read/fixture.rs). */
const said = JSON.parse(readFileSync(new URL('../fixtures/stack.json', import.meta.url), 'utf8')) as { me: Me };

const TOPICS = [
  'products/create',
  'products/update',
  'products/delete',
  'collections/update',
  'inventory_levels/update',
  'orders/create',
];
const HOUR = 3_600_000;
const MINUTE = 60_000;
const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

export interface Kept {
  seq: number;
  entries: Entry[];
}

export class Store {
  seq = 1;
  kept: Kept[] = [];
  status: Status;
  private lastId = 0;

  constructor(
    readonly name: string,
    kind: 'live' | 'idle' | 'errors' | 'idle-error' | 'gone' | 'new',
    weight = 8,
  ) {
    const last = kind === 'live' || kind === 'errors' ? 2 * MINUTE : kind === 'new' ? null : 95 * MINUTE;
    const now = Math.floor(Date.now() / HOUR) * HOUR;
    const hours: HourOfStatus[] = Array.from({ length: 24 }, (_, index) => {
      const events: Record<string, number> = {};
      if (kind !== 'new') {
        for (const [at, topic] of TOPICS.entries()) {
          const count = Math.round((weight * (1 + Math.sin((index + at) / 3.5)) * (6 - at)) / 6);
          if (count > 0) events[topic] = count;
        }
      }
      const hour = new Date(now - (23 - index) * HOUR).toISOString();
      return { hour, events, missed: {}, duplicates: index % 5 === 0 ? 2 : 0, signature_failures: 0 };
    });
    this.status = {
      source: 'shopify',
      store: name,
      enabled: kind !== 'gone',
      activity: last !== null && last < 30 * MINUTE ? 'live' : 'idle',
      epoch: 1,
      last_sync_at: last === null ? null : ago(last),
      last_event_at: last === null ? null : ago(last),
      last_error: null,
      events_24h: { total: 0, by_topic: {} },
      duplicates_dropped_24h: 10,
      discarded_24h: 0,
      signature_failures_24h: 0,
      last_signature_failure_at: null,
      client_secret: {
        held: 2,
        held_since: ago(20 * HOUR),
        old_last_needed_at: ago(3 * HOUR),
        safe_to_revoke_old: false,
        advice: `keep both: a delivery needed the old secret; not before ${ago(-22 * HOUR)}`,
      },
      replayed_24h: 0,
      silence: { why: 'none', message: 'events come' },
      connected: true,
      currency: 'EUR',
      partial_24h: 0,
      missed_24h: { total: 3, by_topic: { 'products/update': 3 } },
      missed_rate: { 'products/update': 0.004, 'products/create': 0 },
      reconciled: {
        began_at: ago(9 * HOUR),
        ended_at: ago(9 * HOUR - 40_000),
        compared: 1834,
        missed: { 'products/update': 3 },
        regrouped: 1,
      },
      watched: { at: ago(20 * MINUTE), by_api: true, missing: [], elsewhere: [], restored: [], waiting: 0 },
      run: null,
      quota: { at: ago(3 * MINUTE), available: 1740, maximum: 2000, restored_per_second: 100 },
      seq: 1,
      hours,
    };
    if (kind === 'errors' || kind === 'idle-error') {
      this.status.last_error = {
        at: ago(4 * MINUTE),
        code: 'schema_mismatch',
        message: 'variants[3].price: expected a decimal text, found null',
        delivery_id: `${name}-2`,
      };
    }
    if (kind === 'gone')
      this.status.silence = {
        why: 'disabled',
        message: 'the store has uninstalled the app; `hookline store add` once it is installed again',
      };
    if (kind === 'idle')
      this.status.silence = { why: 'idle', message: 'nothing has come for half an hour; every subscription is there' };
    this.count();
    if (last !== null) {
      for (let index = 40; index > 0; index--) {
        const outcome: Outcome =
          index === 2 && this.status.last_error ? 'parked' : index % 11 === 0 ? 'superseded' : 'applied';
        this.keep([this.entry(outcome, last + index * 50_000)]);
      }
    }
  }

  entry(outcome: Outcome, before = 0, topic?: string): Entry {
    this.lastId += 1;
    const at = Date.now() - before;
    const chosen =
      topic ??
      (['products/update', 'products/update', 'inventory_levels/update', 'orders/create'][this.lastId % 4] as string);
    const names = [
      '南部鉄瓶 Nambu Tetsubin Kettle 🫖',
      'Walnut board',
      'Linen apron',
      'Cast-iron pan, 26 cm',
      'Espresso cups, set of two',
      'Beeswax wrap',
    ];
    const kind = chosen.startsWith('products')
      ? 'product'
      : chosen.startsWith('orders')
        ? 'order'
        : chosen.startsWith('coll')
          ? 'collection'
          : 'inventory_item';
    return {
      topic: chosen,
      id: `${this.name}-${this.lastId}`,
      event_id: `ev-${this.lastId}`,
      subject: {
        kind,
        id: String(7_900_000_000_000 + this.lastId),
        ...(kind === 'product' ? { title: names[this.lastId % names.length] as string } : {}),
      },
      triggered_at: new Date(at - 420 - (this.lastId % 7) * 60).toISOString(),
      received_at: new Date(at - 180).toISOString(),
      at: new Date(at).toISOString(),
      outcome,
      ...(outcome === 'parked'
        ? { problem: ['schema_mismatch', 'variants[3].price: expected a decimal text, found null'] as [never, string] }
        : {}),
      ...(outcome === 'waiting'
        ? { problem: ['index_unavailable', 'the index did not answer'] as [never, string] }
        : {}),
    };
  }

  keep(entries: Entry[]): void {
    this.seq += 1;
    this.status = { ...this.status, seq: this.seq };
    if (entries.length > 0) this.kept.unshift({ seq: this.seq, entries });
  }

  /** Something came. Gives what is to be told. */
  happen(outcome: Outcome, topic?: string, replay = false): { entries: Entry[]; notices: Notice[] } {
    const entry = { ...this.entry(outcome, 0, topic), ...(replay ? { replay } : {}) };
    const present = this.status.hours.at(-1);
    if (present) present.events[entry.topic] = (present.events[entry.topic] ?? 0) + 1;
    const at = entry.at;
    const notices: Notice[] = [];
    this.status = {
      ...this.status,
      last_event_at: at,
      activity: 'live',
      silence: { why: 'none', message: 'events come' },
    };
    if (outcome === 'applied') this.status.last_sync_at = at;
    if (entry.problem) {
      this.status.last_error = { at, code: entry.problem[0], message: entry.problem[1], delivery_id: entry.id };
    }
    this.keep([entry]);
    this.count();
    if (outcome === 'parked') {
      notices.push({
        id: `${this.name}/${this.seq}/dead_letter`,
        at,
        kind: 'dead_letter',
        message: `A delivery of ${entry.topic} is parked: it is not of the shape its topic has`,
        advice: 'Remove the cause, then redrive it',
      });
    }
    if (entry.topic === 'orders/create' && outcome === 'noted') {
      notices.push({
        id: `${this.name}/${this.seq}/order`,
        at,
        kind: 'order',
        message: `Order ${entry.subject?.id} came`,
      });
    }
    return { entries: [entry], notices };
  }

  private count(): void {
    const by: Record<string, number> = {};
    for (const hour of this.status.hours) {
      for (const [topic, count] of Object.entries(hour.events)) by[topic] = (by[topic] ?? 0) + count;
    }
    this.status.events_24h = { total: Object.values(by).reduce((sum, count) => sum + count, 0), by_topic: by };
  }

  latest(limit: number): Entry[] {
    return this.kept.flatMap((kept) => kept.entries).slice(0, limit);
  }

  lag(): Lag {
    const of = (from: (entry: Entry) => string | undefined, to: (entry: Entry) => string): Percentiles | null => {
      const times = this.latest(100)
        .filter((entry) => from(entry))
        .map((entry) => Date.parse(to(entry)) - Date.parse(from(entry) ?? ''))
        .sort((a, b) => a - b);
      const rank = (part: number) => times[Math.max(Math.ceil(times.length * part) - 1, 0)] ?? 0;
      return times.length === 0 ? null : { p50: rank(0.5), p99: rank(0.99) };
    };
    return {
      deliveries: this.latest(100).length,
      triggered_to_received: of(
        (entry) => entry.triggered_at,
        (entry) => entry.received_at,
      ),
      received_to_indexed: of(
        (entry) => entry.received_at,
        (entry) => entry.at,
      ),
      triggered_to_indexed: of(
        (entry) => entry.triggered_at,
        (entry) => entry.at,
      ),
    };
  }

  reading(all: boolean): Reading {
    const { status } = this;
    const failed = status.last_error !== null && Date.now() - Date.parse(status.last_error.at) < 30 * MINUTE;
    const state: State = failed || !status.enabled ? 'attention' : status.activity === 'live' ? 'live' : 'idle';
    const why = !status.enabled
      ? 'the store has uninstalled the app'
      : failed
        ? `a delivery could not be applied 4 minutes ago: ${status.last_error?.message}; look at it in the feed, remove the cause, then redrive`
        : state === 'live'
          ? 'events come and are applied'
          : status.silence.message;
    const outcomes = this.latest(200).map((entry) => entry.outcome);
    return {
      state,
      why,
      pending: outcomes.filter((outcome) => outcome === 'waiting').length,
      dead_letters: outcomes.filter((outcome) => outcome === 'parked').length,
      receivers: said.me.receivers,
      ...(all ? { queues: { waiting: 3, in_flight: 1, dead_letters: 1 } } : {}),
    };
  }

  full(all: boolean): StoreStatus {
    return { ...this.status, ...this.reading(all), lag: this.lag() };
  }

  summary(): Summary {
    const { state, why } = this.reading(false);
    const { enabled, last_event_at, last_sync_at, events_24h } = this.status;
    return {
      store: this.name,
      state,
      why,
      enabled,
      last_event_at,
      last_sync_at,
      events_24h: events_24h.total,
      seq: this.seq,
    };
  }

  fate(topic: string, id: string): Fate | null {
    const entries = this.latest(1000).filter((entry) => entry.topic === topic && entry.id === id);
    const [latest] = entries;
    if (!latest) return null;
    const { outcome } = latest;
    return {
      store: this.name,
      topic,
      id,
      state: outcome === 'waiting' ? 'claimed' : outcome === 'parked' ? 'parked' : 'done',
      fate: outcome === 'waiting' ? null : outcome,
      claimed_at: latest.received_at,
      settled_at: outcome === 'waiting' ? null : latest.at,
      expires_at: ago(-7 * 24 * HOUR),
      event_id: latest.event_id ?? null,
      problem: latest.problem ? { at: latest.at, code: latest.problem[0], message: latest.problem[1] } : null,
      meaning:
        outcome === 'parked'
          ? 'It cannot be applied as it is. Remove the cause, then: redrive.'
          : 'It has been applied to the index. Nothing to do.',
      entries,
    };
  }
}

export interface Principal {
  id: string;
  role: Role;
  stores: string[];
  expires: number;
}

export function me(principal: Principal, host: string): Me {
  return {
    principal: principal.id,
    role: principal.role,
    stores: principal.stores,
    expires_at: new Date(principal.expires).toISOString(),
    live_url: `ws://${host}/live`,
    receivers: said.me.receivers,
  };
}

export function world(): Map<string, Store> {
  const stores = [
    new Store('demo.myshopify.com', 'live'),
    new Store('atelier-nord.myshopify.com', 'errors', 14),
    new Store('quiet-ceramics.myshopify.com', 'idle', 2),
    new Store('lost-and-found.myshopify.com', 'idle-error', 3),
    new Store('closed-shop.myshopify.com', 'gone', 1),
    new Store('fresh.myshopify.com', 'new'),
    ...Array.from(
      { length: 994 },
      (_, index) =>
        new Store(`shop-${String(index).padStart(4, '0')}.myshopify.com`, index % 3 ? 'idle' : 'live', index % 5),
    ),
  ];
  return new Map(stores.map((store) => [store.name, store]));
}
