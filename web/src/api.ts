// What the HTTP API and the WebSocket say, as crates/domain/src/{live,store} have it. Times are RFC 3339.

/** What somebody may do with the stores within reach. */
export type Role = 'viewer' | 'admin';

/** `GET /api/me` */
export interface Me {
  principal: string;
  role: Role;
  /** `*` alone, or names. */
  stores: string[];
  expires_at: string;
  live_url: string | null;
  /** Empty if the deployment does not know its own addresses. */
  receivers: Receiver[];
}

/** The address that a topic's webhooks are to be sent to: complete. */
export interface Receiver {
  topic: string;
  url: string;
}

/** How a store is doing, in a word. */
export type State = 'live' | 'idle' | 'attention';

/** A store in the list of stores. */
export interface Summary {
  store: string;
  state: State;
  why: string;
  enabled: boolean;
  last_event_at: string | null;
  last_sync_at: string | null;
  events_24h: number;
  /** Failed deliveries that the queue still tries, and those that it has given up. */
  retrying: number;
  dead_letters: number;
  seq: number;
}

/** `GET /api/stores` */
export interface StorePage {
  stores: Summary[];
  next: string | null;
  counts: Record<State, number>;
}

export type ErrorCode =
  | 'schema_mismatch'
  | 'store_mismatch'
  | 'uninstall_unknown'
  | 'body_lost'
  | 'index_rejected'
  | 'index_unavailable'
  | 'storage_unavailable'
  | 'store_changing'
  | 'not_connected'
  | 'not_configured'
  | 'token_refused'
  | 'catalogue_unavailable';

/** Class of a failure of a table, a queue, the index or the Admin API. */
export type FailureCause = 'denied' | 'throttled' | 'missing' | 'timeout' | 'unreachable' | 'other';

export interface LastError {
  at: string;
  code: ErrorCode;
  cause?: FailureCause;
  message: string;
  delivery_id?: string;
}

export interface Events {
  total: number;
  by_topic: Record<string, number>;
}

export interface ClientSecret {
  held: number;
  held_since: string | null;
  old_last_needed_at: string | null;
  safe_to_revoke_old: boolean;
  advice: string;
}

export type SilenceReason = 'none' | 'idle' | 'no_subscription' | 'signature_failing' | 'disabled' | 'queue_stuck';

export interface Silence {
  why: SilenceReason;
  message: string;
  advice?: string;
}

/** What sort of thing a person should look at. */
export type Cause = 'dead_letters' | 'uninstalled' | 'signatures' | 'queue_stuck' | 'subscriptions' | 'error';

/** A thing that a person should look at, in sentences. */
export interface Concern {
  reason: Cause;
  message: string;
  advice: string | null;
  code?: ErrorCode;
}

/** What can be done about a failed delivery. */
export type Remedy = 'try_now' | 'redrive' | 'dismiss';

/** A delivery that has failed and is not settled. */
export interface FailedDelivery {
  topic: string;
  id: string;
  subject?: Subject;
  state: 'retrying' | 'dead_letter' | 'expired';
  /** It cannot be applied as it is. */
  parked: boolean;
  redriven: boolean;
  code: ErrorCode;
  cause?: FailureCause;
  message: string;
  received_at: string;
  tried_at: string;
  tries: number;
  tries_at_most: number;
  next_try_at: string | null;
  dead_letter_at: string;
  expires_at: string;
  /** What it means and what to do, in the server's words. */
  meaning: string;
  actions: Remedy[];
}

/** Failed deliveries of a store: counts, and the ones that matter most. */
export interface Failed {
  retrying: number;
  dead_letters: number;
  /** How many wait for a person. */
  attention: number;
  /** There are more than were counted. */
  more: boolean;
  deliveries: FailedDelivery[];
}

export interface Reconciled {
  began_at: string;
  ended_at: string;
  compared: number;
  missed: Record<string, number>;
  regrouped: number;
  mended: number;
  skipped: number;
  unread?: { kind?: string; id?: string; path: string; problem: string }[];
}

export interface Watched {
  at: string;
  by_api: boolean;
  missing: string[];
  elsewhere: string[];
  restored: string[];
}

export interface Run {
  task: 'resync' | 'reconcile';
  stage: 'waiting' | 'reading' | 'deleting' | 'done' | 'failed';
  began_at: string;
  at: string;
  products: number;
  skipped: number;
  bytes: [number, number] | null;
}

export interface Quota {
  at: string;
  available: number;
  maximum: number;
  restored_per_second: number;
}

export interface HourOfStatus {
  hour: string;
  events: Record<string, number>;
  missed: Record<string, number>;
  duplicates: number;
  signature_failures: number;
}

/** How a store is doing: what a frame tells. */
export interface Status {
  source: string;
  store: string;
  enabled: boolean;
  activity: 'live' | 'idle' | 'failing';
  epoch: number;
  last_sync_at: string | null;
  last_event_at: string | null;
  state: State;
  why: string;
  /** Everything that a person should look at, the most urgent first. */
  reasons: Concern[];
  last_error: LastError | null;
  /** The last error of each code, newest first. */
  errors: LastError[];
  failed: Failed;
  events_24h: Events;
  duplicates_dropped_24h: number;
  discarded_24h: number;
  signature_failures_24h: number;
  last_signature_failure_at: string | null;
  client_secret: ClientSecret;
  replayed_24h: number;
  silence: Silence;
  connected: boolean;
  currency: string | null;
  partial_24h: number;
  missed_24h: Events;
  missed_rate: Record<string, number>;
  reconciled: Reconciled | null;
  watched: Watched | null;
  run: Run | null;
  quota: Quota | null;
  seq: number;
  hours: HourOfStatus[];
}

/** Milliseconds. */
export interface Percentiles {
  p50: number;
  p99: number;
}

export interface Lag {
  deliveries: number;
  triggered_to_received: Percentiles | null;
  received_to_indexed: Percentiles | null;
  triggered_to_indexed: Percentiles | null;
}

/** What `GET /api/stores/{store}/status` tells beyond a frame. */
export interface Places {
  receivers: Receiver[];
  /** Of all stores; for those who may see all of them. */
  queues?: { waiting: number; in_flight: number; dead_letters: number } | null;
}

/** `GET /api/stores/{store}/status` */
export type StoreStatus = Status & Places & { lag?: Lag };

export type Outcome = 'applied' | 'superseded' | 'discarded' | 'noted' | 'parked' | 'waiting';

export interface Subject {
  kind: string;
  id: string;
  title?: string;
}

/** What became of one delivery. */
export interface Entry {
  topic: string;
  id: string;
  event_id?: string;
  subject?: Subject;
  triggered_at?: string;
  received_at: string;
  at: string;
  outcome: Outcome;
  problem?: [ErrorCode, string];
  replay?: boolean;
}

/** `GET /api/stores/{store}/deliveries` */
export interface DeliveryPage {
  deliveries: Entry[];
  next: number | null;
}

/** `GET /api/stores/{store}/deliveries/{id}` */
export interface Fate {
  store: string;
  topic: string;
  id: string;
  state: 'claimed' | 'done' | 'parked' | 'expired';
  fate: Exclude<Outcome, 'waiting'> | 'dismissed' | null;
  claimed_at: string;
  settled_at: string | null;
  lease_until?: string | null;
  expires_at: string;
  event_id: string | null;
  problem: { at: string; code: ErrorCode; cause?: FailureCause; message: string } | null;
  meaning: string;
  /** What is remembered of it, if it has failed and is not settled. */
  failed: FailedDelivery | null;
  actions: ('replay' | Remedy)[];
  entries: Entry[];
}

/** One document that a search found. */
export interface Hit {
  score: number;
  source: string;
  store: string;
  kind: string;
  id: string;
  title: string;
  description: string;
  vendor?: string;
  product_type?: string;
  tags?: string[];
  price_min?: string;
  price_max?: string;
  currency?: string;
  available?: boolean;
  handle?: string;
  updated_at: string;
  /** By field, the passages that fit, the words that fit in `<em>`. Plain text otherwise. */
  highlights: Record<string, string[]>;
}

/** `GET /api/stores/{store}/search` */
export interface Found {
  query: string;
  total: number;
  took_ms: number;
  results: Hit[];
}

/** `POST /api/stores/{store}/redrive` */
export interface Redriven {
  moved: number;
  left: number;
  more: boolean;
  retrying: number;
  message: string;
}

export type NoticeKind =
  | 'error'
  | 'dead_letter'
  | 'subscription_lost'
  | 'subscription_restored'
  | 'uninstalled'
  | 'installed'
  | 'order'
  | 'quota_low'
  | 'run_ended';

export interface Notice {
  id: string;
  at: string;
  kind: NoticeKind;
  message: string;
  advice?: string;
  /** The delivery it is about. */
  delivery?: { topic: string; id: string };
}

export interface SnapshotFrame {
  type: 'snapshot';
  store: string;
  seq: number;
  status: Status;
  lag: Lag;
  deliveries: Entry[];
}

export interface UpdateFrame {
  type: 'update';
  store: string;
  /** What must have been seen for this to be the next. */
  after: number;
  seq: number;
  status: Status;
  lag?: Lag;
  deliveries: Entry[];
  notices: Notice[];
}

/** What is told to one who watches. */
export type Frame =
  | SnapshotFrame
  | UpdateFrame
  | { type: 'stores'; stores: Summary[] }
  | { type: 'access'; role: Role; stores: string[]; expires_at: string }
  | { type: 'revoked' }
  | { type: 'pong'; seqs: Record<string, number> }
  | { type: 'refused'; message: string };

/** What one who watches asks for. */
export type Asked = { action: 'watch'; store: string | null; list: boolean } | { action: 'ping' };

const FRAMES = new Set(['snapshot', 'update', 'stores', 'access', 'revoked', 'pong', 'refused']);

/** Reads a message of the socket; null for what is none of ours, as from a newer server. */
export function readFrame(text: string): Frame | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'type' in value && FRAMES.has(String(value.type))) {
      return value as Frame;
    }
  } catch {
    // Not JSON: the gateway's own words, say.
  }
  return null;
}
