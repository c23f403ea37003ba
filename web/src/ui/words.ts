// What codes mean, and what to do: in plain English.

import type { ErrorCode, NoticeKind, Outcome, Reading, Run, State, Status } from '../api';

/** An error counts as recent for so long, and a store as live. */
export const RECENT = 30 * 60_000;

export const STATES: Record<State, string> = { live: 'Live', idle: 'Idle', attention: 'Attention' };

export const OUTCOMES: Record<Outcome, { name: string; means: string }> = {
  applied: { name: 'Applied', means: 'The index has this change.' },
  superseded: { name: 'Superseded', means: 'The index had a newer state of the same thing already.' },
  discarded: { name: 'Discarded', means: 'It belonged to no active install of the store.' },
  noted: { name: 'Noted', means: 'It changes nothing that is indexed. That it came is recorded.' },
  parked: { name: 'Parked', means: 'It cannot be applied as it is, and waits for a person.' },
  waiting: { name: 'Waiting', means: 'It failed, and is tried again.' },
};

export const ERRORS: Record<ErrorCode, { name: string; advice: string }> = {
  schema_mismatch: {
    name: 'A delivery is not of the shape its topic has',
    advice:
      'Look at the delivery. If the subscription’s API version has changed, set it back; if Shopify sends something new, update Hookline. Then redrive.',
  },
  store_mismatch: {
    name: 'A signed delivery belongs to another store',
    advice: 'Nothing was applied. Check which app sends here, and whether two apps share a secret.',
  },
  uninstall_unknown: {
    name: 'The store is to be forgotten, and nobody told us that it has uninstalled the app',
    advice: 'If it has uninstalled, run hookline store remove, then redrive. If not, purge the delivery.',
  },
  body_lost: {
    name: 'The body of a delivery is not there any more',
    advice: 'Resync the store: what the delivery told is read anew.',
  },
  index_rejected: {
    name: 'The index refuses a document',
    advice: 'Look at the delivery for the reason. Once the index’s mapping is mended, redrive.',
  },
  index_unavailable: {
    name: 'The index did not answer',
    advice:
      'It is tried again by itself. If this stays, look at the search cluster: its health, disk and access policy.',
  },
  storage_unavailable: {
    name: 'A table did not answer',
    advice: 'It is tried again by itself. If this stays, look for throttling in DynamoDB.',
  },
  store_changing: {
    name: 'The store is being uninstalled',
    advice: 'It is tried again by itself, until that is done.',
  },
  signature_mismatch: {
    name: 'Requests in this store’s name have a wrong signature',
    advice:
      'Is the client secret the app’s present one? If none of these requests is the store’s, somebody is guessing.',
  },
  not_connected: {
    name: 'More has to be asked of the store than it lets us',
    advice: 'Add an access token: hookline store add.',
  },
  not_configured: {
    name: 'This deployment lacks a place to keep something',
    advice: 'The message says which setting is missing. Deploy with it, then redrive.',
  },
  token_refused: {
    name: 'The store does not take our access token',
    advice: 'Add a new one: hookline store add. Then reconcile.',
  },
  catalogue_unavailable: {
    name: 'The store’s Admin API did not answer',
    advice: 'It is tried again by itself. If this stays, look at Shopify’s status page, and at the quota below.',
  },
};

/** For codes of a newer server. */
export function errorWords(code: string): { name: string; advice: string } {
  const known: Partial<Record<string, { name: string; advice: string }>> = ERRORS;
  return known[code] ?? { name: code.replaceAll('_', ' '), advice: 'Look at the delivery, and at the logs.' };
}

export const NOTICES: Record<NoticeKind, string> = {
  error: 'Error',
  dead_letter: 'Dead letter',
  subscription_lost: 'Subscription lost',
  subscription_restored: 'Subscription restored',
  uninstalled: 'Uninstalled',
  installed: 'Installed',
  order: 'Order',
  quota_low: 'Quota low',
  run_ended: 'Run ended',
};

/** Notices of which somebody should know at once. */
export const URGENT: ReadonlySet<NoticeKind> = new Set(['error', 'dead_letter', 'subscription_lost', 'uninstalled']);

export const TASKS: Record<Run['task'], string> = { resync: 'Resync', reconcile: 'Reconciliation' };

export const STAGES: Record<Run['stage'], string> = {
  waiting: 'The store writes its export',
  reading: 'Reading the export',
  deleting: 'Looking for what the store has no more',
  done: 'Ended',
  failed: 'Failed',
};

/** The four readings, as the legend has them. */
export const READINGS: { state: State; title: string; cause: string; todo: string }[] = [
  { state: 'live', title: 'Live and healthy', cause: 'Events come and are applied.', todo: 'Nothing.' },
  {
    state: 'idle',
    title: 'Idle',
    cause: 'Nothing has come for half an hour. Most likely nothing happens in the store.',
    todo: 'Nothing. To make sure, change a product: it must show here within seconds.',
  },
  {
    state: 'attention',
    title: 'Live, with recent errors',
    cause: 'Events come, but something went wrong within the last half hour: most likely one sort of delivery.',
    todo: 'Look at the last error and at what is parked. Remove the cause, then redrive.',
  },
  {
    state: 'attention',
    title: 'Idle, with a recent error',
    cause: 'Something went wrong, and nothing has come since: most likely events do not get through any more.',
    todo: 'Look at the last error first: secret, access token, subscriptions, search cluster.',
  },
];

/** What the indicator says of a store, in a few words. What it means and what to do, the server says (`why`). */
export function readingOf(status: Status, reading: Reading, now: number): string {
  const failed = status.last_error !== null && now - Date.parse(status.last_error.at) < RECENT;
  if (!status.enabled) return 'Uninstalled';
  if (status.last_event_at === null && reading.state === 'idle') return 'Idle: nothing has come yet';
  if (reading.state === 'live') return 'Live and healthy';
  if (reading.state === 'idle') return 'Idle';
  if (status.activity === 'live') return failed ? 'Live, with recent errors' : 'Live, but needs attention';
  switch (status.silence.why) {
    case 'signature_failing':
      return 'Signatures are failing';
    case 'no_subscription':
      return failed ? 'Idle, with a recent error' : 'Idle: a subscription is lost';
    case 'queue_stuck':
      return failed ? 'Idle, with a recent error' : 'Idle: events are stuck';
    case 'disabled':
      return 'Uninstalled';
    case 'none':
    case 'idle':
      return failed ? 'Idle, with a recent error' : 'Idle, but needs attention';
  }
}

/** `inventory_item` as `inventory item`. */
export function kindWords(kind: string): string {
  return kind.replaceAll('_', ' ');
}
