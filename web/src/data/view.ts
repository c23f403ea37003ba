// What is known of the selected store: a pure reduction of frames and answers. Everything in it is of that one store.
//
// Each update says after which `seq` it goes. Whoever has seen another one has missed something, and wants a snapshot
// (`wanted`); what comes until then is shown, and kept to be put on top of the snapshot.

import type {
  DeliveryPage,
  Entry,
  Frame,
  Lag,
  Notice,
  Places,
  SnapshotFrame,
  Status,
  StoreStatus,
  UpdateFrame,
} from '../api';

/** The most deliveries and notices that are kept on the page. */
export const FEED_LIMIT = 400;
export const NOTICE_LIMIT = 50;
/** The most updates that are kept while a snapshot is on its way; it replaces them all the same. */
const HELD_LIMIT = 200;

export interface View {
  store: string;
  status: Status | null;
  /** Where the store's webhooks go, and how much waits: no frame says so. */
  places: Places | null;
  lag: Lag | null;
  /** Newest first, each delivery once, as it was last told. */
  deliveries: Entry[];
  /** Whether deliveries were told at all: an empty feed is not one that has not come. */
  hasFeed: boolean;
  /** Why they cannot be, in a sentence. */
  feedProblem: string | null;
  /** Where older ones begin; null for nowhere; undefined while unknown. */
  older: number | null | undefined;
  notices: Notice[];
  /** Up to where updates were seen without a gap; null before the first snapshot. */
  seq: number | null;
  /** Whether a snapshot is wanted. */
  wanted: boolean;
  held: UpdateFrame[];
}

export function viewOf(store: string): View {
  return {
    store,
    status: null,
    places: null,
    lag: null,
    deliveries: [],
    hasFeed: false,
    feedProblem: null,
    older: undefined,
    notices: [],
    seq: null,
    wanted: false,
    held: [],
  };
}

/** What names a delivery within its store. */
export function keyOf(entry: { topic: string; id: string }): string {
  return `${entry.topic} ${entry.id}`;
}

/** Puts entries together: each delivery once, as it was last told, newest first. */
export function merged(known: Entry[], more: Entry[], limit = FEED_LIMIT): Entry[] {
  const byKey = new Map<string, Entry>();
  for (const entry of [...known, ...more]) {
    const there = byKey.get(keyOf(entry));
    if (!there || Date.parse(entry.at) >= Date.parse(there.at)) byKey.set(keyOf(entry), entry);
  }
  return [...byKey.values()].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, limit);
}

/** Applies a frame. Frames of another store, and frames that are no news, change nothing. */
export function applied(view: View, frame: Frame): View {
  switch (frame.type) {
    case 'snapshot':
      return frame.store === view.store ? snapshot(view, frame) : view;
    case 'update':
      return frame.store === view.store ? update(view, frame) : view;
    case 'pong': {
      const seq = frame.seqs[view.store];
      const missed = seq === undefined || view.seq === null || seq > view.seq;
      return missed && !view.wanted ? { ...view, wanted: true } : view;
    }
    default:
      return view;
  }
}

function newer(known: Status | null, other: Status): Status {
  return known !== null && known.seq > other.seq ? known : other;
}

function snapshot(view: View, frame: SnapshotFrame): View {
  // One that was read before what we know already tells nothing new, unless something was missed.
  if (view.seq !== null && frame.seq < view.seq && !view.wanted) return view;
  const known = new Set(view.deliveries.map(keyOf));
  const joins = frame.deliveries.length === 0 || frame.deliveries.some((entry) => known.has(keyOf(entry)));
  const after: View = {
    ...view,
    status: newer(view.status, frame.status),
    lag: frame.lag,
    // Where it does not join what is there, there may be a hole between: then only what is new stays.
    deliveries: joins ? merged(view.deliveries, frame.deliveries) : merged([], frame.deliveries),
    hasFeed: true,
    older: joins ? view.older : undefined,
    // One that was read too early does not take back what was seen; what is still missed shows with what was held.
    seq: Math.max(frame.seq, view.seq ?? 0),
    wanted: false,
    held: [],
  };
  return view.held
    .filter((one) => one.seq > frame.seq)
    .sort((a, b) => a.seq - b.seq)
    .reduce(update, after);
}

function update(view: View, frame: UpdateFrame): View {
  if (view.seq !== null && frame.seq <= view.seq && !view.wanted) return view;
  const shown: View = {
    ...view,
    status: newer(view.status, frame.status),
    lag: frame.lag ?? view.lag,
    ...feedWith(view, frame.deliveries),
    notices: told(view.notices, frame.notices),
  };
  if (view.seq !== null && !view.wanted && frame.after <= view.seq) return { ...shown, seq: frame.seq };
  return { ...shown, wanted: true, held: [...view.held, frame].slice(-HELD_LIMIT) };
}

/** The feed with what is new. Where the oldest fall out, what comes before them is not known any more. */
function feedWith(view: View, more: Entry[]): Pick<View, 'deliveries' | 'older'> {
  const deliveries = merged(view.deliveries, more);
  const fell = view.deliveries.length > 0 && !sameEnd(view.deliveries, deliveries);
  return { deliveries, older: fell ? undefined : view.older };
}

function sameEnd(before: Entry[], after: Entry[]): boolean {
  const last = before.at(-1);
  return after.length < FEED_LIMIT || last === undefined || after.includes(last);
}

function told(known: Notice[], more: Notice[]): Notice[] {
  const ids = new Set(known.map((notice) => notice.id));
  const fresh = more.filter((notice) => !ids.has(notice.id));
  if (fresh.length === 0) return known;
  return [...fresh, ...known].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, NOTICE_LIMIT);
}

/** Takes what `GET …/status` says. It does not say which deliveries there were, so `seq` stays. */
export function withStatus(view: View, answer: StoreStatus): View {
  if (answer.store !== view.store) return view;
  const { receivers, queues, lag, ...status } = answer;
  return {
    ...view,
    status: newer(view.status, status),
    places: { receivers, queues: queues ?? null },
    lag: view.lag !== null && view.status !== null && view.status.seq > status.seq ? view.lag : (lag ?? view.lag),
  };
}

/** Asks for a snapshot. */
export function wanting(view: View): View {
  return view.wanted ? view : { ...view, wanted: true };
}

/** Takes a page of deliveries: the latest, or those before `before`. */
export function withDeliveries(view: View, page: DeliveryPage, before: number | null): View {
  const deliveries = merged(view.deliveries, page.deliveries, before === null ? FEED_LIMIT : Infinity);
  const older = before === null && view.older !== undefined ? view.older : page.next;
  return { ...view, deliveries, hasFeed: true, feedProblem: null, older };
}

/** As a snapshot, for another tab. */
export function asSnapshot(view: View): SnapshotFrame | null {
  if (view.seq === null || view.wanted || view.status === null || view.lag === null) return null;
  return {
    type: 'snapshot',
    store: view.store,
    seq: view.seq,
    status: view.status,
    lag: view.lag,
    deliveries: view.deliveries.slice(0, 100),
  };
}

/** The delivery that a route names, as the feed has it. */
export function entryOf(view: View | null, delivery: { topic: string; id: string }): Entry | undefined {
  return view?.deliveries.find((entry) => entry.topic === delivery.topic && entry.id === delivery.id);
}
