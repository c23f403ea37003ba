// StoreView of the selected store: a pure reduction of frames and API responses, all of that one store.
//
// Each update names the `seq` that it follows. If the view has another `seq`, updates were missed and it needs a snapshot
// (`needsSnapshot`). Updates that arrive until then are shown, and kept to be applied on top of the snapshot.

import type {
  ActivityEntry,
  DeliveriesResponse,
  Frame,
  Lag,
  Notice,
  SnapshotFrame,
  Status,
  StatusDetails,
  StoreStatus,
  UpdateFrame,
} from '../api';

/** Most deliveries and notices kept on the page. */
export const MAX_FEED_ENTRIES = 400;
const MAX_NOTICES = 50;
/** Most updates kept until a snapshot arrives; the snapshot has them, too. */
const MAX_PENDING_UPDATES = 200;
/** Most deliveries handed to another tab. */
const MAX_SHARED_ENTRIES = 100;

export interface StoreView {
  store: string;
  status: Status | null;
  /** Receivers and queue depths, which no frame carries. */
  details: StatusDetails | null;
  lag: Lag | null;
  /** The latest entry of each delivery, newest first. */
  deliveries: ActivityEntry[];
  /** False until deliveries have been loaded: an empty feed is something else. */
  hasFeed: boolean;
  /** Sentence that says why there is no feed. */
  feedError: string | null;
  /** Cursor of older deliveries; null if there are none, undefined if it is not known. */
  olderCursor: number | null | undefined;
  notices: Notice[];
  /** Last `seq` seen without a gap; null before the first snapshot. */
  seq: number | null;
  needsSnapshot: boolean;
  /** Updates to be applied on top of the next snapshot. */
  pending: UpdateFrame[];
}

export function emptyView(store: string): StoreView {
  return {
    store,
    status: null,
    details: null,
    lag: null,
    deliveries: [],
    hasFeed: false,
    feedError: null,
    olderCursor: undefined,
    notices: [],
    seq: null,
    needsSnapshot: false,
    pending: [],
  };
}

/** Key of a delivery within its store. */
export function keyOf(entry: { topic: string; id: string }): string {
  return `${entry.topic} ${entry.id}`;
}

/** Merges entries: the latest of each delivery, newest first. */
export function merge(known: ActivityEntry[], more: ActivityEntry[], limit = MAX_FEED_ENTRIES): ActivityEntry[] {
  const byKey = new Map<string, ActivityEntry>();
  for (const entry of [...known, ...more]) {
    const previous = byKey.get(keyOf(entry));
    if (!previous || Date.parse(entry.at) >= Date.parse(previous.at)) byKey.set(keyOf(entry), entry);
  }
  return [...byKey.values()].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, limit);
}

/** Applies a frame. Returns the same view if the frame is of another store, or has nothing new. */
export function applyFrame(view: StoreView, frame: Frame): StoreView {
  switch (frame.type) {
    case 'snapshot':
      return frame.store === view.store ? applySnapshot(view, frame) : view;
    case 'update':
      return frame.store === view.store ? applyUpdate(view, frame) : view;
    case 'pong': {
      const seq = frame.seqs[view.store];
      const missed = seq === undefined || view.seq === null || seq > view.seq;
      return missed ? withSnapshotRequest(view) : view;
    }
    default:
      return view;
  }
}

function newerStatus(known: Status | null, other: Status): Status {
  return known !== null && known.seq > other.seq ? known : other;
}

function applySnapshot(view: StoreView, frame: SnapshotFrame): StoreView {
  // A snapshot older than the view has nothing new, unless updates were missed.
  if (view.seq !== null && frame.seq < view.seq && !view.needsSnapshot) return view;
  const known = new Set(view.deliveries.map(keyOf));
  const joins = frame.deliveries.length === 0 || frame.deliveries.some((entry) => known.has(keyOf(entry)));
  const after: StoreView = {
    ...view,
    status: newerStatus(view.status, frame.status),
    lag: frame.lag,
    // If the snapshot shares no delivery with the feed, there may be a gap between them: only the snapshot's stay.
    deliveries: joins ? merge(view.deliveries, frame.deliveries) : merge([], frame.deliveries),
    hasFeed: true,
    olderCursor: joins ? view.olderCursor : undefined,
    // A snapshot that was read too early does not take back what was seen; the pending updates show what is still missed.
    seq: Math.max(frame.seq, view.seq ?? 0),
    needsSnapshot: false,
    pending: [],
  };
  return view.pending
    .filter((one) => one.seq > frame.seq)
    .sort((a, b) => a.seq - b.seq)
    .reduce(applyUpdate, after);
}

function applyUpdate(view: StoreView, frame: UpdateFrame): StoreView {
  if (view.seq !== null && frame.seq <= view.seq && !view.needsSnapshot) return view;
  const shown: StoreView = {
    ...view,
    status: newerStatus(view.status, frame.status),
    lag: frame.lag ?? view.lag,
    ...feedWith(view, frame.deliveries),
    notices: mergeNotices(view.notices, frame.notices),
  };
  if (view.seq !== null && !view.needsSnapshot && frame.after <= view.seq) return { ...shown, seq: frame.seq };
  return { ...shown, needsSnapshot: true, pending: [...view.pending, frame].slice(-MAX_PENDING_UPDATES) };
}

/** Adds entries to the feed. Once the oldest have dropped out, the cursor of older ones is not known any more. */
function feedWith(view: StoreView, more: ActivityEntry[]): Pick<StoreView, 'deliveries' | 'olderCursor'> {
  const deliveries = merge(view.deliveries, more);
  const dropped = view.deliveries.length > 0 && !keepsLast(view.deliveries, deliveries);
  return { deliveries, olderCursor: dropped ? undefined : view.olderCursor };
}

function keepsLast(before: ActivityEntry[], after: ActivityEntry[]): boolean {
  const last = before.at(-1);
  return after.length < MAX_FEED_ENTRIES || last === undefined || after.includes(last);
}

function mergeNotices(known: Notice[], more: Notice[]): Notice[] {
  const ids = new Set(known.map((notice) => notice.id));
  const fresh = more.filter((notice) => !ids.has(notice.id));
  if (fresh.length === 0) return known;
  return [...fresh, ...known].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, MAX_NOTICES);
}

/** Applies a response of `GET …/status`. It has no deliveries, so `seq` stays. */
export function withStatus(view: StoreView, response: StoreStatus): StoreView {
  if (response.store !== view.store) return view;
  const { receivers, queues, lag, ...status } = response;
  return {
    ...view,
    status: newerStatus(view.status, status),
    details: { receivers, queues: queues ?? null },
    lag: view.lag !== null && view.status !== null && view.status.seq > status.seq ? view.lag : (lag ?? view.lag),
  };
}

/** Marks that updates were missed. */
export function withSnapshotRequest(view: StoreView): StoreView {
  return view.needsSnapshot ? view : { ...view, needsSnapshot: true };
}

/** Adds a page of deliveries: the latest, or those before a cursor. */
export function withDeliveries(view: StoreView, page: DeliveriesResponse, before: number | null): StoreView {
  const deliveries = merge(view.deliveries, page.deliveries, before === null ? MAX_FEED_ENTRIES : Infinity);
  const olderCursor = before === null && view.olderCursor !== undefined ? view.olderCursor : page.next;
  return { ...view, deliveries, hasFeed: true, feedError: null, olderCursor };
}

/** Returns the view as a snapshot for another tab, or null if it has a gap. */
export function asSnapshot(view: StoreView): SnapshotFrame | null {
  if (view.seq === null || view.needsSnapshot || view.status === null || view.lag === null) return null;
  return {
    type: 'snapshot',
    store: view.store,
    seq: view.seq,
    status: view.status,
    lag: view.lag,
    deliveries: view.deliveries.slice(0, MAX_SHARED_ENTRIES),
  };
}

/** Finds the entry of a delivery in the feed. */
export function findEntry(view: StoreView, delivery: { topic: string; id: string }): ActivityEntry | undefined {
  return view.deliveries.find((entry) => entry.topic === delivery.topic && entry.id === delivery.id);
}
