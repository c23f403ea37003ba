// Names of what the API of outbound webhooks says in codes. Explanations of codes and states are the server's.

import type {
  AttemptCode,
  BacklogMode,
  Condition,
  Endpoint,
  EndpointSettings,
  EndpointState,
  MessageFate,
  Operator,
} from '../../api';
import type { Sort } from '../../data/webhooks';
import { valueText } from '../../data/endpoint-draft';
import { dateTime } from '../format';

export type Tone = 'good' | 'warn' | 'bad' | 'quiet';

export const STATE_NAMES: Record<EndpointState, string> = {
  active: 'Active',
  paused: 'Paused',
  disabled: 'Disabled',
  deleting: 'Being deleted',
};

export const STATE_TONES: Record<EndpointState, Tone> = {
  active: 'good',
  paused: 'warn',
  disabled: 'bad',
  deleting: 'quiet',
};

export const FATE_NAMES: Record<MessageFate, string> = {
  open: 'Waiting',
  sent: 'Sent',
  exhausted: 'Failed',
  aborted: 'Refused for good',
  expired: 'Expired',
  discarded: 'Discarded',
  superseded: 'Superseded',
};

export const FATE_TONES: Record<MessageFate, Tone> = {
  open: 'warn',
  sent: 'good',
  exhausted: 'bad',
  aborted: 'bad',
  expired: 'bad',
  discarded: 'quiet',
  superseded: 'quiet',
};

/** Names of the codes of attempts. */
export const CODE_NAMES: Record<AttemptCode, string> = {
  redirect: 'redirected',
  gone: 'answered 410',
  disabled_by_endpoint: 'asked to be disabled',
  aborted: 'asked not to get it again',
  refused: 'refused',
  failed: 'server error',
  throttled: 'too many requests',
  unavailable: 'not available',
  invalid_url: 'URL not allowed',
  not_found: 'no such host',
  dns_timeout: 'DNS did not answer',
  not_public: 'address is not public',
  connection_refused: 'connection refused',
  connect_timeout: 'no connection in time',
  certificate: 'invalid certificate',
  tls_unsupported: 'no safe TLS',
  tls_failed: 'TLS failed',
  timed_out: 'no answer in time',
  closed: 'connection closed',
  not_http: 'answer is not HTTP',
  head_too_large: 'answer too long',
  client_certificate: 'client certificate not accepted',
  token_refused: 'token refused',
  token_unavailable: 'no token',
  token_invalid: 'token is unreadable',
  not_kept: 'body not kept',
};

/** Names a code; one of a newer server is named after itself. */
export function codeName(code: string): string {
  const names: Partial<Record<string, string>> = CODE_NAMES;
  return names[code] ?? code.replaceAll('_', ' ');
}

/** State of an endpoint in words, as in `Disabled: answered 410`. */
export function stateName({ state, code }: Pick<Endpoint, 'state' | 'code'>): string {
  const name = STATE_NAMES[state] ?? state;
  return state === 'disabled' && code !== null ? `${name}: ${codeName(code)}` : name;
}

export const VERDICT_NAMES: Partial<Record<string, string>> = {
  queued: 'Chosen',
  not_subscribed: 'Not subscribed',
  filtered: 'Filtered out',
  paused_discarded: 'Paused',
  suspended: 'Suspended',
  unproven: 'Not verified',
  deleting: 'Being deleted',
};

export const SORT_NAMES: Record<Sort, string> = {
  newest: 'Newest first',
  type: 'Events',
  url: 'URL',
  state: 'Status: problems first',
  success: 'Last success: oldest first',
  waiting: 'Waiting: most first',
};

export const OPERATOR_NAMES: Record<Operator, string> = {
  '=': 'is',
  '!=': 'is not',
  '<': 'is less than',
  '>': 'is greater than',
  in: 'is one of',
  exists: 'exists',
  changed: 'has changed',
};

/** A condition as a person reads it. */
export function conditionText({ path, op, value }: Condition): string {
  if (op === 'changed') return `${valueText(value)} has changed`;
  if (op === 'exists') return `${path ?? ''} ${value === false ? 'does not exist' : 'exists'}`;
  return `${path ?? ''} ${OPERATOR_NAMES[op] ?? op} ${valueText(value)}`;
}

export const BACKLOG_MODES: Record<BacklogMode, { name: string; meaning: string }> = {
  send: { name: 'Send all', meaning: 'Everything that waits is sent, oldest first.' },
  newest: {
    name: 'Send the newest',
    meaning: 'Only the newest state of each thing is sent, and all events that are not about a state.',
  },
  drop: { name: 'Drop', meaning: 'Nothing that waits is sent. Only new events are.' },
};

/** Choices of the settings: the name of each, and its meaning. */
export const CHOICES = {
  format: {
    name: 'Payload',
    choices: {
      full: ['Full', 'The whole event.'],
      thin: ['Thin', 'Without data and previous: the receiver asks for what it needs.'],
      raw: ['Raw', 'What the source sent, byte for byte, of every delivery. For all stores, with full personal data.'],
    },
  },
  ordering: {
    name: 'Order',
    choices: {
      none: ['As accepted', 'Several at once; the version of the subject says which is newer.'],
      entity: ['By thing', 'One event of a thing at a time, never an older state after a newer one.'],
    },
  },
  when_paused: {
    name: 'While it is paused',
    choices: {
      queue: ['Events wait', 'They are sent when it is activated.'],
      discard: ['Events are discarded', 'The endpoint never gets them.'],
    },
  },
  signatures: {
    name: 'Signatures',
    choices: {
      v1: ['v1', 'HMAC-SHA256 with a secret that both sides have.'],
      v1a: ['v1a', 'Ed25519: the receiver has only the public key.'],
      both: ['v1 and v1a', 'The receiver checks either.'],
    },
  },
  personal: {
    name: 'Personal data',
    choices: {
      none: ['None', 'Names, addresses, mails and phone numbers of customers are left out.'],
      contact: ['Contact', 'Name, e-mail address and phone number, once the endpoint has been verified.'],
      full: ['Full', 'Postal addresses, notes and the customer too, once the endpoint has been verified.'],
    },
  },
} as const satisfies Partial<
  Record<keyof EndpointSettings, { name: string; choices: Partial<Record<string, readonly [string, string]>> }>
>;

/** Name and meaning of a choice. One of a newer server is named after itself. */
export function choiceOf(field: ChoiceField, value: string): readonly [name: string, meaning: string] {
  const choices: Partial<Record<string, readonly [string, string]>> = CHOICES[field].choices;
  return choices[value] ?? [value, ''];
}

export type ChoiceField = keyof typeof CHOICES;

export const CHOICE_FIELDS = Object.keys(CHOICES) as ChoiceField[];

/** True if the endpoint has asked for personal data. */
export function getsPersonalData({ settings }: Pick<Endpoint, 'settings'>): boolean {
  return (settings.personal ?? 'none') !== 'none';
}

/** Says whether the endpoint has proved itself, and why it has not. */
export function proofText({ proven_at, proof_failed }: Pick<Endpoint, 'proven_at' | 'proof_failed'>): string {
  const proven = proven_at === null ? 'no: it gets no personal data until then' : dateTime(proven_at);
  return proof_failed === null ? proven : `${proven}. The latest challenge proved nothing: ${proof_failed}`;
}

/** Names of the kinds of things that events are about. */
export const RESOURCE_NAMES: Partial<Record<string, string>> = {
  product: 'Products',
  collection: 'Collections',
  order: 'Orders',
  payment: 'Payments',
  shipping: 'Shipping',
  customer: 'Customers',
  checkout: 'Checkouts',
  store: 'Store',
  privacy: 'Privacy',
  endpoint: 'Endpoints',
  delivery: 'Deliveries',
  custom: 'Custom',
};

export function resourceName(resource: string): string {
  return RESOURCE_NAMES[resource] ?? resource.charAt(0).toUpperCase() + resource.slice(1);
}
