// Types of the API of outbound webhooks, by hand until docs/openapi.json has them. Times are RFC 3339.

import type { TargetVerdict } from './api';

export type EndpointState = 'active' | 'paused' | 'disabled' | 'deleting';

export type Operator = '=' | '!=' | '<' | '>' | 'in' | 'exists' | 'changed';

export interface Condition {
  /** Absent for `changed`. */
  path?: string;
  op: Operator;
  value: unknown;
}

export interface EndpointSettings {
  url: string;
  description?: string;
  types: string[];
  conditions?: Condition[];
  ordering: 'none' | 'entity';
  when_paused: 'queue' | 'discard';
  format: 'full' | 'thin';
  signatures: 'v1' | 'v1a' | 'both';
  timeout_seconds: number;
  max_in_flight: number;
  max_per_second?: number | null;
  keep_days: number;
  disable_after_days: number;
}

export interface Endpoint {
  id: string;
  /** `*`, or a store as in `shopify#demo.myshopify.com`. */
  owner: string;
  revision: number;
  state: EndpointState;
  state_since: string;
  state_reason: string | null;
  state_sentence: string;
  /** Reason for which it was disabled. */
  code: string | null;
  settings: EndpointSettings;
  header_names: string[];
  public_keys: string[];
  secrets: { created_at: string; until: string | null }[];
  created_at: string;
}

export interface EndpointsResponse {
  endpoints: Endpoint[];
  /** Most endpoints that the owner may have. */
  most: number;
}

/** Answer to a creation and a rotation: the only one with the secret. */
export interface EndpointSecretResponse {
  endpoint: Endpoint;
  secret: string;
  public_key: string;
}

export interface DryRunResponse {
  would_pass: number;
  of: number;
}

export interface EndpointStatus {
  queue: { messages: number; has_more: boolean; oldest_at: string | null };
  breaker: 'closed' | 'open';
  next_attempt_at: string | null;
  at_once: number;
  mean_ms: number | null;
  failing_since: string | null;
  last_success_at: string | null;
  pool: string;
  sentence: string;
}

export type BacklogMode = 'send' | 'newest' | 'drop';

export type MessageFate = 'open' | 'sent' | 'exhausted' | 'aborted' | 'expired' | 'discarded' | 'superseded';

export interface Attempt {
  at: string;
  took_ms: number;
  status?: number | null;
  code?: string | null;
  code_sentence?: string | null;
}

export interface Message {
  event: string;
  /** Null if its event is no longer kept. */
  type: string | null;
  store: string;
  fate: MessageFate;
  /** Oldest first, the latest ten. */
  attempts: Attempt[];
  failed: number;
  next_attempt_at: string | null;
  run: number;
  /** Fate, and what happens next. */
  sentence: string;
}

export interface MessagesResponse {
  messages: Message[];
  next: string | null;
}

export interface EndpointTestResponse {
  message: Message;
  /** True if the message was still open when the server stopped waiting. */
  waiting: boolean;
}

export interface WhyResponse {
  event: string;
  cause: { topic: string; delivery_id: string | null; received_at: string } | null;
  endpoints: WhyEndpoint[];
  bus: { verdict: TargetVerdict; error?: string | null };
}

export interface WhyEndpoint {
  endpoint: string;
  /** `*`, or a store as in `shopify#demo.myshopify.com`. */
  owner: string;
  /** Null if it is deleted. */
  url: string | null;
  verdict: string;
  verdict_sentence: string;
  fate: MessageFate | null;
  attempts: Attempt[];
  sentence: string;
}
