// Names of the API's codes, in plain English. Advice on errors is the server's (crates/domain/src/kernel/advice.rs), and never here.

import type {
  ConcernReason,
  DeliveryEvents,
  ErrorCode,
  FailedDelivery,
  FailureCause,
  NoticeKind,
  Outcome,
  Remedy,
  Run,
  Status,
  StoreState,
  TargetVerdict,
} from '../api';

export const STATES: Record<StoreState, string> = { live: 'Live', idle: 'Idle', attention: 'Attention' };

/** Names of outcomes. `meaning` is shown until the server's own sentence about the delivery has come. */
export const OUTCOMES: Record<Outcome, { name: string; meaning: string }> = {
  applied: { name: 'Applied', meaning: 'The index has this change.' },
  superseded: { name: 'Superseded', meaning: 'The index already had a newer state.' },
  discarded: { name: 'Discarded', meaning: 'The app was not installed.' },
  noted: { name: 'Noted', meaning: 'It changes nothing in the index. Its arrival is recorded.' },
  parked: { name: 'Parked', meaning: 'It cannot be applied as it is.' },
  waiting: { name: 'Waiting', meaning: 'It failed, and the queue retries it.' },
};

/** Reasons why a delivery has caused no event by the time it was completed. */
export const NO_EVENTS: Record<Exclude<DeliveryEvents['outcome'], 'published'>, string> = {
  quiet: 'It has changed nothing that events tell.',
  unwanted: 'Nobody listened to events of its kind.',
  deferred: 'A job reads the state from the store and publishes its events.',
};

export const ERRORS: Record<ErrorCode, string> = {
  schema_mismatch: 'Unexpected payload format',
  store_mismatch: 'Delivery signed for another store',
  uninstall_unknown: 'Erasure without a known uninstall',
  body_lost: 'Lost body of a delivery',
  index_rejected: 'Document rejected by the index',
  index_unavailable: 'No answer from the index',
  storage_unavailable: 'No answer from a table',
  store_changing: 'Store is being uninstalled',
  not_connected: 'No access token',
  not_configured: 'Missing setting in this deployment',
  token_refused: 'Access token refused by Shopify',
  catalogue_unavailable: 'No answer from the Admin API',
  events_unavailable: 'No answer from the fan-out queue',
};

const FAILURE_CAUSES: Record<Exclude<FailureCause, 'other'>, string> = {
  denied: 'access refused',
  throttled: 'throttled',
  missing: 'missing or disabled',
  timeout: 'no answer in time',
  unreachable: 'not reachable',
};

/** Parts of the system that a failure has a cause for. */
const FAILING_PARTS: Partial<Record<string, string>> = {
  index_unavailable: 'Index',
  storage_unavailable: 'Table, queue, bucket or key',
  catalogue_unavailable: 'Admin API',
};

/** Names an error, with the cause of the failure if it is known. A code of a newer server is named after itself. */
export function errorName(code: string, cause?: string): string {
  const causes: Partial<Record<string, string>> = FAILURE_CAUSES;
  const [part, failure] = [FAILING_PARTS[code], cause && causes[cause]];
  if (part && failure) return `${part}: ${failure}`;
  const names: Partial<Record<string, string>> = ERRORS;
  return names[code] ?? code.replaceAll('_', ' ');
}

/** Titles of concerns. */
export const CONCERNS: Record<ConcernReason, string> = {
  dead_letters: 'Failed deliveries wait for you',
  uninstalled: 'Uninstalled',
  signatures: 'Wrong signatures',
  queue_stuck: 'Webhooks are stuck in the queue',
  subscriptions: 'A subscription is missing',
  error: 'Not all changes reach the index',
};

export const FAILED_STATES: Record<FailedDelivery['state'], string> = {
  retrying: 'Retrying',
  dead_letter: 'Dead letter',
  expired: 'Expired',
};

/** Remedies for a failed delivery: the button, and the question and explanation of the dialog that it opens. */
export const REMEDIES: Record<Remedy, { name: string; question: string; explanation: string }> = {
  try_now: {
    name: 'Try now',
    question: 'Try this delivery now?',
    explanation: 'The queue tries it within seconds. If the cause persists, it fails again.',
  },
  redrive: {
    name: 'Redrive',
    question: 'Redrive this delivery?',
    explanation: 'It goes back to the queue. If the cause persists, it becomes a dead letter again.',
  },
  dismiss: {
    name: 'Dismiss',
    question: 'Dismiss this delivery?',
    explanation: 'Hookline gives it up for good: it is not applied, and its dead letter is removed.',
  },
};

export const NOTICES: Record<NoticeKind, string> = {
  error: 'Error',
  dead_letter: 'Failed delivery',
  subscription_lost: 'Subscription lost',
  subscription_restored: 'Subscription restored',
  uninstalled: 'Uninstalled',
  installed: 'Installed',
  order: 'Order',
  quota_low: 'Quota low',
  run_ended: 'Run ended',
};

/** Kinds of notices that a person should see at once. */
export const URGENT_NOTICES: ReadonlySet<NoticeKind> = new Set([
  'error',
  'dead_letter',
  'subscription_lost',
  'uninstalled',
]);

export const TASKS: Record<Run['task'], string> = { resync: 'Resync', reconcile: 'Reconciliation' };

export const STAGES: Record<Run['stage'], string> = {
  waiting: 'Waiting for Shopify to prepare the export',
  reading: 'Reading the export',
  deleting: 'Looking for products that the store no longer has',
  done: 'Finished',
  failed: 'Failed',
};

/** Legend of the readings. */
export const READINGS: { state: StoreState; title: string; meaning: string; todo: string }[] = [
  { state: 'live', title: 'Live and healthy', meaning: 'Webhooks arrive and are applied.', todo: 'Nothing.' },
  {
    state: 'idle',
    title: 'Idle',
    meaning: 'No webhook in the last 30 minutes, or none yet. Most likely nothing changed in the store.',
    todo: 'Nothing. To test, edit a product: the delivery appears here within seconds.',
  },
  {
    state: 'attention',
    title: 'Attention',
    meaning:
      'Something waits for you: failed deliveries, a missing subscription, wrong signatures, a stuck queue, an error, or the app is uninstalled.',
    todo: 'Follow the advice beside each reason. Failed deliveries wait until they are applied or dismissed.',
  },
];

/** Title of a store's reading. The sentences below it are the server's. */
export function readingOf(status: Status): string {
  const [first] = status.reasons;
  switch (status.state) {
    case 'live':
      return 'Live and healthy';
    case 'idle':
      return status.last_event_at === null ? 'No webhook yet' : 'Idle';
    case 'attention':
      return (first && CONCERNS[first.reason]) ?? 'Needs attention';
  }
}

/** Names of the targets of events. */
export const TARGETS: Partial<Record<string, string>> = { bus: 'Event bus' };

/** Outcomes of an event at a target. */
export const VERDICTS: Record<TargetVerdict, string> = {
  off: 'There was none when the event was published',
  queued: 'Being sent',
  sent: 'Sent',
};

/** Turns `inventory_item` into `inventory item`. */
export function kindWords(kind: string): string {
  return kind.replaceAll('_', ' ');
}
