// Mock stores: enough to see every state of the page.

import { readFileSync } from 'node:fs';
import type {
  ActivityEntry,
  DeliveryDetail,
  HourCounts,
  Lag,
  Me,
  Notice,
  Outcome,
  Percentiles,
  Remedy,
  Role,
  Status,
  StoreStatus,
  StoreSummary,
} from '../src/api';

/** Receivers as in `GET /api/me`, written by a test of the API (web/README.md). */
const stack = fixture<{ me: Me }>('stack');
/** The server's sentences on stores and deliveries, written by a test of crates/domain (web/README.md). */
const said = fixture<{
  now: string;
  statuses: Record<string, Status>;
  summaries: Record<string, StoreSummary>;
  deliveries: Record<string, Pick<DeliveryDetail, 'meaning' | 'actions'>>;
}>('said');

function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8')) as T;
}

/** Moves a value of the fixture to the present, and to another store. */
function current<T>(value: T, store: string): T {
  const later = Date.now() - Date.parse(said.now);
  const text = JSON.stringify(value)
    .replaceAll('demo.myshopify.com', store)
    .replace(/"(\d{4}-\d\d-\d\dT[\d:.]+Z)"/g, (_, at: string) => `"${new Date(Date.parse(at) + later).toISOString()}"`)
    .replace(/(\d\d:\d\d) UTC/g, (_, at: string) => {
      const then = new Date(Date.parse(`${said.now.slice(0, 10)}T${at}:00Z`) + later);
      return `${then.toISOString().slice(11, 16)} UTC`;
    });
  return JSON.parse(text) as T;
}

/** Name of a status in fixtures/said.json. */
export type Situation = string;

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

export interface Activity {
  seq: number;
  entries: ActivityEntry[];
}

export class Store {
  seq = 1;
  kept: Activity[] = [];
  status: Status;
  private readonly hours: HourCounts[];
  private lastId = 0;

  constructor(
    readonly name: string,
    private situation: Situation,
    weight = 8,
  ) {
    const now = Math.floor(Date.now() / HOUR) * HOUR;
    this.hours = Array.from({ length: 24 }, (_, index) => {
      const events: Record<string, number> = {};
      if (situation !== 'never') {
        for (const [at, topic] of TOPICS.entries()) {
          const count = Math.round((weight * (1 + Math.sin((index + at) / 3.5)) * (6 - at)) / 6);
          if (count > 0) events[topic] = count;
        }
      }
      const hour = new Date(now - (23 - index) * HOUR).toISOString();
      return { hour, events, missed: {}, duplicates: index % 5 === 0 ? 2 : 0, signature_failures: 0 };
    });
    this.status = this.enter(situation);
    const last = this.status.last_event_at;
    if (last !== null) {
      for (let index = 40; index > 0; index--) {
        const outcome: Outcome = index % 11 === 0 ? 'superseded' : 'applied';
        this.keep([this.entry(outcome, Date.now() - Date.parse(last) + index * 50_000)]);
      }
    }
    // Failed deliveries are in the feed, too.
    for (const failed of this.status.failed.deliveries) {
      const entry: ActivityEntry = {
        topic: failed.topic,
        id: failed.id,
        received_at: failed.received_at,
        at: failed.tried_at,
        outcome: failed.parked ? 'parked' : 'waiting',
        problem: [failed.code, failed.message],
        ...(failed.subject === undefined ? {} : { subject: failed.subject }),
      };
      this.keep([entry]);
    }
  }

  /** Returns the server's status of a situation, with this store's counts. */
  private enter(situation: Situation): Status {
    const known = said.statuses[situation];
    if (known === undefined) throw new Error(`the server knows no situation ${situation}`);
    this.situation = situation;
    const by: Record<string, number> = {};
    for (const hour of this.hours) {
      for (const [topic, count] of Object.entries(hour.events)) by[topic] = (by[topic] ?? 0) + count;
    }
    const total = Object.values(by).reduce((sum, count) => sum + count, 0);
    return {
      ...current(known, this.name),
      hours: this.hours,
      events_24h: { total, by_topic: by },
      duplicates_dropped_24h: 10,
      connected: situation !== 'never',
      currency: 'EUR',
      missed_24h: { total: 3, by_topic: { 'products/update': 3 } },
      missed_rate: { 'products/update': 0.004, 'products/create': 0 },
      reconciled: {
        began_at: ago(9 * HOUR),
        ended_at: ago(9 * HOUR - 40_000),
        compared: 1834,
        missed: { 'products/update': 3 },
        regrouped: 1,
        mended: 0,
        skipped: 0,
      },
      quota: { at: ago(3 * MINUTE), available: 1740, maximum: 2000, restored_per_second: 100 },
      run: this.status?.run ?? null,
      seq: this.seq,
    };
  }

  entry(outcome: Outcome, before = 0, topic?: string): ActivityEntry {
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

  keep(entries: ActivityEntry[]): void {
    this.seq += 1;
    this.status = { ...this.status, seq: this.seq };
    if (entries.length > 0) this.kept.unshift({ seq: this.seq, entries });
  }

  /** Receives a delivery. Returns the frames for watchers. */
  receive(outcome: Outcome, topic?: string, replay = false): { entries: ActivityEntry[]; notices: Notice[] } {
    const entry = { ...this.entry(outcome, 0, topic), ...(replay ? { replay } : {}) };
    const present = this.hours.at(-1);
    if (present) present.events[entry.topic] = (present.events[entry.topic] ?? 0) + 1;
    const at = entry.at;
    this.keep([entry]);
    const failing = outcome === 'parked' ? 'parked' : outcome === 'waiting' ? 'retrying' : null;
    const open = this.status.failed.deliveries.length > 0;
    this.status = this.enter(failing ?? (open ? this.situation : 'live'));
    const [failed] = this.status.failed.deliveries;
    if (failing !== null && failed) Object.assign(failed, { topic: entry.topic, id: entry.id, subject: entry.subject });
    if (outcome === 'applied') this.status.last_sync_at = at;
    this.status.last_event_at = at;
    const notices: Notice[] = [];
    if (outcome === 'parked' && failed) {
      notices.push({
        id: `${this.name}/${this.seq}/dead_letter/0`,
        at,
        kind: 'dead_letter',
        message: this.status.reasons[0]?.message ?? '',
        ...(this.status.reasons[0]?.advice ? { advice: this.status.reasons[0].advice } : {}),
        delivery: { topic: entry.topic, id: entry.id },
      });
    }
    if (entry.topic === 'orders/create' && outcome === 'noted') {
      const message = `Order ${entry.subject?.id} received.`;
      notices.push({ id: `${this.name}/${this.seq}/order/0`, at, kind: 'order', message });
    }
    return { entries: [entry], notices };
  }

  /** Applies a remedy to a failed delivery. Returns false if it does not apply. */
  remedy(remedy: Remedy, id: string): boolean {
    const failed = this.status.failed.deliveries.find((one) => one.id === id);
    if (!failed?.actions.includes(remedy)) return false;
    this.status = this.enter(remedy === 'dismiss' ? 'live' : 'redriven');
    const [again] = this.status.failed.deliveries;
    if (again) Object.assign(again, { topic: failed.topic, id: failed.id, subject: failed.subject });
    this.keep([]);
    return true;
  }

  latest(limit: number): ActivityEntry[] {
    return this.kept.flatMap((kept) => kept.entries).slice(0, limit);
  }

  lag(): Lag {
    const of = (
      from: (entry: ActivityEntry) => string | undefined,
      to: (entry: ActivityEntry) => string,
    ): Percentiles | null => {
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

  full(all: boolean): StoreStatus {
    return {
      ...this.status,
      lag: this.lag(),
      receivers: stack.me.receivers,
      ...(all ? { queues: { waiting: 3, in_flight: 1, dead_letters: 1 } } : {}),
    };
  }

  summary(): StoreSummary {
    const { state, why, enabled, last_event_at, last_sync_at, events_24h, failed } = this.status;
    return {
      store: this.name,
      state,
      why,
      enabled,
      last_event_at,
      last_sync_at,
      events_24h: events_24h.total,
      retrying: failed.retrying,
      dead_letters: failed.dead_letters,
      seq: this.seq,
    };
  }

  delivery(topic: string, id: string): Omit<DeliveryDetail, 'events'> | null {
    const entries = this.latest(1000).filter((entry) => entry.topic === topic && entry.id === id);
    const [latest] = entries;
    if (!latest) return null;
    const { outcome } = latest;
    const failed = this.status.failed.deliveries.find((one) => one.topic === topic && one.id === id);
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
      problem: latest.problem
        ? {
            at: latest.at,
            code: latest.problem[0],
            ...(failed?.cause === undefined ? {} : { cause: failed.cause }),
            message: latest.problem[1],
            advice: adviceOn(latest.problem[0], failed?.cause),
          }
        : null,
      meaning: failed?.meaning ?? said.deliveries[outcome]?.meaning ?? '',
      failed: failed ?? null,
      actions: failed?.actions ?? said.deliveries[outcome]?.actions ?? [],
      entries,
    };
  }
}

/** Finds the server's advice on an error in the fixture; empty if it has none. */
function adviceOn(code: string, cause?: string): string {
  for (const { reasons, last_error } of Object.values(said.statuses)) {
    const reason = reasons.find((one) => one.reason === 'error' && one.code === code);
    if (reason?.advice && last_error?.cause === cause) return reason.advice;
  }
  return '';
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
    receivers: stack.me.receivers,
    egress_addresses: ['198.51.100.7', '203.0.113.0/28'],
  };
}

export function world(): Map<string, Store> {
  const stores = [
    new Store('demo.myshopify.com', 'live'),
    new Store('atelier-nord.myshopify.com', 'both', 14),
    new Store('quiet-ceramics.myshopify.com', 'idle', 2),
    new Store('lost-and-found.myshopify.com', 'parked_idle', 3),
    new Store('closed-shop.myshopify.com', 'uninstalled', 1),
    new Store('fresh.myshopify.com', 'never'),
    // One store in each situation.
    ...Object.keys(said.statuses).map(
      (situation) => new Store(`is-${situation.replaceAll('_', '-')}.myshopify.com`, situation, 4),
    ),
    ...Array.from(
      { length: 994 },
      (_, index) =>
        new Store(`shop-${String(index).padStart(4, '0')}.myshopify.com`, index % 3 ? 'idle' : 'live', index % 5),
    ),
  ];
  return new Map(stores.map((store) => [store.name, store]));
}
