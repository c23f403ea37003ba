// What codes mean, and what to do: in plain English.

import type {
  Cause,
  ErrorCode,
  FailedDelivery,
  FailureCause,
  NoticeKind,
  Outcome,
  Remedy,
  Run,
  State,
  Status,
} from '../api';

export const STATES: Record<State, string> = { live: 'Live', idle: 'Idle', attention: 'Attention' };

export const OUTCOMES: Record<Outcome, { name: string; means: string }> = {
  applied: { name: 'Applied', means: 'The index has this change.' },
  superseded: { name: 'Superseded', means: 'The index already had a newer state.' },
  discarded: { name: 'Discarded', means: 'The app was not installed.' },
  noted: { name: 'Noted', means: 'It changes nothing in the index. Its arrival is recorded.' },
  parked: { name: 'Parked', means: 'It cannot be applied as it is.' },
  waiting: { name: 'Waiting', means: 'It failed, and the queue tries it again.' },
};

/** Names of errors. What to do about one, the server says. */
export const ERRORS: Record<ErrorCode, string> = {
  schema_mismatch: 'Unexpected payload format',
  store_mismatch: 'Signed delivery of another store',
  uninstall_unknown: 'Erasure without a known uninstall',
  body_lost: 'Body of a delivery lost',
  index_rejected: 'Document rejected by the index',
  index_unavailable: 'No answer from the index',
  storage_unavailable: 'No answer from a table',
  store_changing: 'Store is being uninstalled',
  not_connected: 'No access token',
  not_configured: 'Setting missing in this deployment',
  token_refused: 'Access token refused by Shopify',
  catalogue_unavailable: 'No answer from the Admin API',
};

/** Names of classes of failures, behind what failed. What to do about one, the server says. */
const FAILURES: Record<Exclude<FailureCause, 'other'>, string> = {
  denied: 'access refused',
  throttled: 'throttled',
  missing: 'missing or disabled',
  timeout: 'no answer in time',
  unreachable: 'not reachable',
};

const FAILING: Partial<Record<string, string>> = {
  index_unavailable: 'Index',
  storage_unavailable: 'Table, queue, bucket or key',
  catalogue_unavailable: 'Admin API',
};

/** Name of an error, with the class of the failure where it is known. Codes of a newer server are named, too. */
export function errorName(code: string, cause?: string): string {
  const failures: Partial<Record<string, string>> = FAILURES;
  const [what, failure] = [FAILING[code], cause && failures[cause]];
  if (what && failure) return `${what}: ${failure}`;
  const known: Partial<Record<string, string>> = ERRORS;
  return known[code] ?? code.replaceAll('_', ' ');
}

/** Titles of a store by what is most urgent. */
export const CAUSES: Record<Cause, string> = {
  dead_letters: 'Failed deliveries wait for you',
  uninstalled: 'Uninstalled',
  signatures: 'Wrong signatures',
  queue_stuck: 'Webhooks are stuck in the queue',
  subscriptions: 'A subscription is missing',
  error: 'Not all changes reach the index',
};

export const FAILED: Record<FailedDelivery['state'], string> = {
  retrying: 'Retrying',
  dead_letter: 'Dead letter',
  expired: 'Expired',
};

/** What can be done about a failed delivery, and what it does. */
export const REMEDIES: Record<Remedy, { name: string; asks: string; says: string }> = {
  try_now: {
    name: 'Try now',
    asks: 'Try this delivery now?',
    says: 'The queue tries it within seconds. If what made it fail is still there, it fails again.',
  },
  redrive: {
    name: 'Redrive',
    asks: 'Redrive this delivery?',
    says: 'It goes back to the queue. If what made it fail is still there, it comes back.',
  },
  dismiss: {
    name: 'Dismiss',
    asks: 'Dismiss this delivery?',
    says: 'It is given up for good: it will not be applied, and its dead letter is removed.',
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

/** Notices of which somebody should know at once. */
export const URGENT: ReadonlySet<NoticeKind> = new Set(['error', 'dead_letter', 'subscription_lost', 'uninstalled']);

export const TASKS: Record<Run['task'], string> = { resync: 'Resync', reconcile: 'Reconciliation' };

export const STAGES: Record<Run['stage'], string> = {
  waiting: 'Waiting for Shopify to prepare the export',
  reading: 'Reading the export',
  deleting: 'Looking for products that the store no longer has',
  done: 'Finished',
  failed: 'Failed',
};

/** The readings, as the legend has them. */
export const READINGS: { state: State; title: string; cause: string; todo: string }[] = [
  { state: 'live', title: 'Live and healthy', cause: 'Webhooks arrive and are applied.', todo: 'Nothing.' },
  {
    state: 'idle',
    title: 'Idle',
    cause: 'No webhook in the last 30 minutes, or none yet. Most likely nothing changed in the store.',
    todo: 'Nothing. To check, edit a product: it shows here within seconds.',
  },
  {
    state: 'attention',
    title: 'Attention',
    cause:
      'Something waits for you: failed deliveries, a missing subscription, wrong signatures, a stuck queue, or the app is uninstalled.',
    todo: 'Follow the advice beside each reason. Failed deliveries wait until they are applied or dismissed.',
  },
];

/** What the indicator says of a store, in a few words. What it means and what to do, the server says. */
export function readingOf(status: Status): string {
  const [first] = status.reasons;
  switch (status.state) {
    case 'live':
      return 'Live and healthy';
    case 'idle':
      return status.last_event_at === null ? 'No webhook yet' : 'Idle';
    case 'attention':
      return (first && CAUSES[first.reason]) ?? 'Needs attention';
  }
}

/** `inventory_item` as `inventory item`. */
export function kindWords(kind: string): string {
  return kind.replaceAll('_', ' ');
}
