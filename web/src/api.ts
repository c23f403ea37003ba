// Types of the HTTP API (docs/openapi.json) and of the WebSocket's frames (crates/domain, module `live`). Times are RFC 3339.

/** Rights of a principal over the stores in its scope. */
export type Role = 'viewer' | 'admin';

/** `GET /api/me` */
export interface Me {
  principal: string;
  role: Role;
  /** Names of stores, or `*` alone for all. */
  stores: string[];
  expires_at: string;
  live_url: string | null;
  /** Empty if the deployment does not know its own URLs. */
  receivers: Receiver[];
}

/** Full URL that takes the webhooks of a topic. */
export interface Receiver {
  topic: string;
  url: string;
}

/** State of a store. */
export type StoreState = 'live' | 'idle' | 'attention';

/** Row of the list of stores. */
export interface StoreSummary {
  store: string;
  state: StoreState;
  why: string;
  enabled: boolean;
  last_event_at: string | null;
  last_sync_at: string | null;
  events_24h: number;
  /** Failed deliveries that the queue retries. */
  retrying: number;
  /** Failed deliveries that the queue has given up. */
  dead_letters: number;
  seq: number;
}

/** `GET /api/stores` */
export interface StoresResponse {
  stores: StoreSummary[];
  next: string | null;
  counts: Record<StoreState, number>;
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
  advice: string;
}

export interface EventCounts {
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

/** Kind of a concern. */
export type ConcernReason = 'dead_letters' | 'uninstalled' | 'signatures' | 'queue_stuck' | 'subscriptions' | 'error';

/** Something that needs a person, in sentences. */
export interface Concern {
  reason: ConcernReason;
  message: string;
  advice: string | null;
  code?: ErrorCode;
}

/** Action for a failed delivery. */
export type Remedy = 'try_now' | 'redrive' | 'dismiss';

/** Delivery that has failed and is neither applied nor dismissed. */
export interface FailedDelivery {
  topic: string;
  id: string;
  subject?: Subject;
  state: 'retrying' | 'dead_letter' | 'expired';
  /** True if no retry can help. */
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
  /** Meaning and advice, in sentences. */
  meaning: string;
  actions: Remedy[];
}

/** Failed deliveries of a store: counts, and the most urgent ones. */
export interface FailedDeliveries {
  retrying: number;
  dead_letters: number;
  /** Number that needs a person. */
  attention: number;
  /** True if the counts are lower bounds. */
  more: boolean;
  deliveries: FailedDelivery[];
}

export interface Reconciliation {
  began_at: string;
  ended_at: string;
  compared: number;
  missed: Record<string, number>;
  regrouped: number;
  mended: number;
  skipped: number;
  unread?: { kind?: string; id?: string; path: string; problem: string }[];
}

export interface SubscriptionCheck {
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

export interface HourCounts {
  hour: string;
  events: Record<string, number>;
  missed: Record<string, number>;
  duplicates: number;
  signature_failures: number;
}

/** Status of a store, as in a frame. */
export interface Status {
  source: string;
  store: string;
  enabled: boolean;
  activity: 'live' | 'idle' | 'failing';
  epoch: number;
  last_sync_at: string | null;
  last_event_at: string | null;
  state: StoreState;
  why: string;
  /** Concerns, the most urgent first. */
  reasons: Concern[];
  last_error: LastError | null;
  /** Last error of each code, newest first. */
  errors: LastError[];
  failed: FailedDeliveries;
  events_24h: EventCounts;
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
  missed_24h: EventCounts;
  missed_rate: Record<string, number>;
  reconciled: Reconciliation | null;
  watched: SubscriptionCheck | null;
  run: Run | null;
  quota: Quota | null;
  seq: number;
  hours: HourCounts[];
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

/** Fields of `GET /api/stores/{store}/status` that no frame carries. */
export interface StatusDetails {
  receivers: Receiver[];
  /** Depths over all stores, for principals who may see all of them. */
  queues?: { waiting: number; in_flight: number; dead_letters: number } | null;
}

/** `GET /api/stores/{store}/status` */
export type StoreStatus = Status & StatusDetails & { lag?: Lag };

export type Outcome = 'applied' | 'superseded' | 'discarded' | 'noted' | 'parked' | 'waiting';

export interface Subject {
  kind: string;
  id: string;
  title?: string;
}

/** Entry of a store's activity: one outcome of one delivery. */
export interface ActivityEntry {
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
export interface DeliveriesResponse {
  deliveries: ActivityEntry[];
  next: number | null;
}

/** `GET /api/stores/{store}/deliveries/{id}` */
export interface DeliveryDetail {
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
  problem: { at: string; code: ErrorCode; cause?: FailureCause; message: string; advice: string } | null;
  meaning: string;
  /** Set while the delivery is failed. */
  failed: FailedDelivery | null;
  actions: ('replay' | Remedy)[];
  entries: ActivityEntry[];
}

/** Document that matches a search. */
export interface SearchHit {
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
  /** Matching passages by field: plain text, with matching words in `<em>`. */
  highlights: Record<string, string[]>;
}

/** `GET /api/stores/{store}/search` */
export interface SearchResponse {
  query: string;
  total: number;
  took_ms: number;
  /** True if results or search words were left out. */
  truncated: boolean;
  results: SearchHit[];
}

/** `POST /api/stores/{store}/redrive` */
export interface RedriveResponse {
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
  /** Delivery that the notice is about. */
  delivery?: { topic: string; id: string };
}

export interface SnapshotFrame {
  type: 'snapshot';
  store: string;
  seq: number;
  status: Status;
  lag: Lag;
  deliveries: ActivityEntry[];
}

export interface UpdateFrame {
  type: 'update';
  store: string;
  /** The `seq` that this update follows. */
  after: number;
  seq: number;
  status: Status;
  lag?: Lag;
  deliveries: ActivityEntry[];
  notices: Notice[];
}

/** Message from the server to a watcher. */
export type Frame =
  | SnapshotFrame
  | UpdateFrame
  | { type: 'stores'; stores: StoreSummary[] }
  | { type: 'access'; role: Role; stores: string[]; expires_at: string }
  | { type: 'revoked' }
  | { type: 'pong'; seqs: Record<string, number> }
  | { type: 'refused'; message: string };

/** Message from a watcher to the server. */
export type ClientMessage = { action: 'watch'; store: string | null; list: boolean } | { action: 'ping' };

const FRAME_TYPES = new Set(['snapshot', 'update', 'stores', 'access', 'revoked', 'pong', 'refused']);

/** Reads a message of the socket. Returns null if it is no frame, or one of a newer server. */
export function readFrame(text: string): Frame | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'type' in value && FRAME_TYPES.has(String(value.type))) {
      return value as Frame;
    }
  } catch {
    // Not JSON, as in some errors of the gateway.
  }
  return null;
}
