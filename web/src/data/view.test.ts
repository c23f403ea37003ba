import { describe, expect, it } from 'vitest';
import type { Entry, Notice, SnapshotFrame, Status, StoreStatus, UpdateFrame } from '../api';
import { FEED_LIMIT, type View, applied, asSnapshot, merged, viewOf, withDeliveries, withStatus } from './view';

const STORE = 'demo.myshopify.com';
const lag = { deliveries: 0, triggered_to_received: null, received_to_indexed: null, triggered_to_indexed: null };

function status(seq: number, store = STORE): Status {
  return { store, seq } as Status;
}

function entry(id: number, over: Partial<Entry> = {}): Entry {
  const at = new Date(1_800_000_000_000 + id * 1_000).toISOString();
  return { topic: 'products/update', id: `d${id}`, received_at: at, at, outcome: 'applied', ...over };
}

function snapshot(seq: number, of: number[], store = STORE): SnapshotFrame {
  return { type: 'snapshot', store, seq, status: status(seq, store), lag, deliveries: of.map((id) => entry(id)) };
}

function update(after: number, seq: number, of: number[], notices: Notice[] = []): UpdateFrame {
  return {
    type: 'update',
    store: STORE,
    after,
    seq,
    status: status(seq),
    deliveries: of.map((id) => entry(id)),
    notices,
  };
}

function ids(view: View): string[] {
  return view.deliveries.map((one) => one.id);
}

function seen(...frames: (SnapshotFrame | UpdateFrame)[]): View {
  return frames.reduce<View>(applied, viewOf(STORE));
}

describe('following a store', () => {
  it('applies one update after the other', () => {
    const view = seen(snapshot(4, [1]), update(4, 5, [2]), update(5, 7, [3]));
    expect([view.seq, view.wanted, ids(view)]).toEqual([7, false, ['d3', 'd2', 'd1']]);
  });

  it('takes the same update but once', () => {
    const before = seen(snapshot(4, [1]), update(4, 5, [2]));
    expect(applied(before, update(4, 5, [2]))).toBe(before);
    expect(applied(before, update(3, 4, [1]))).toBe(before);
  });

  it('takes an update that overlaps with what was seen', () => {
    const view = seen(snapshot(4, [1]), update(4, 5, [2]), update(4, 6, [2, 3]));
    expect([view.seq, view.wanted, ids(view)]).toEqual([6, false, ['d3', 'd2', 'd1']]);
  });

  it('wants a snapshot when something was missed, and shows what it has meanwhile', () => {
    const gap = seen(snapshot(4, [1]), update(5, 6, [3]));
    expect([gap.wanted, gap.status?.seq, ids(gap)]).toEqual([true, 6, ['d3', 'd1']]);
    const whole = applied(gap, snapshot(6, [1, 2, 3]));
    expect([whole.wanted, whole.seq, ids(whole)]).toEqual([false, 6, ['d3', 'd2', 'd1']]);
  });

  it('puts what came before the snapshot on top of it', () => {
    const gap = seen(snapshot(4, [1]), update(5, 6, [3]), update(6, 7, [4]));
    const whole = applied(gap, snapshot(6, [1, 2, 3]));
    expect([whole.wanted, whole.seq, ids(whole)]).toEqual([false, 7, ['d4', 'd3', 'd2', 'd1']]);
  });

  it('wants another when the snapshot does not reach to what came after', () => {
    const gap = seen(snapshot(4, [1]), update(5, 6, [3]), update(8, 9, [6]));
    expect(applied(gap, snapshot(6, [1, 2, 3])).wanted).toBe(true);
  });

  it('keeps an update that comes before the first snapshot', () => {
    const view = seen(update(4, 5, [2]), snapshot(4, [1]));
    expect([view.wanted, view.seq, ids(view)]).toEqual([false, 5, ['d2', 'd1']]);
  });

  it('does not go back to an older snapshot or status', () => {
    const view = seen(snapshot(4, [1]), update(4, 5, [2]));
    expect(applied(view, snapshot(4, [1]))).toBe(view);
    expect(withStatus(view, { ...status(3), state: 'idle' } as StoreStatus).status?.seq).toBe(5);
    expect(withStatus(view, { ...status(9), state: 'idle' } as StoreStatus).seq).toBe(5);
  });

  it('does not take back what was seen for a snapshot that was read too early', () => {
    const early = applied(seen(snapshot(4, [1]), update(4, 5, [2]), update(6, 7, [4])), snapshot(4, [1]));
    expect([early.seq, early.wanted, ids(early)]).toEqual([5, true, ['d4', 'd2', 'd1']]);
    expect(applied(early, snapshot(7, [2, 3, 4])).wanted).toBe(false);
  });

  it('learns from a pong that something was missed', () => {
    const view = seen(snapshot(4, [1]));
    expect(applied(view, { type: 'pong', seqs: { [STORE]: 4 } })).toBe(view);
    expect(applied(view, { type: 'pong', seqs: { [STORE]: 5 } }).wanted).toBe(true);
    expect(applied(view, { type: 'pong', seqs: {} }).wanted).toBe(true);
  });

  it('never takes anything of another store', () => {
    const view = seen(snapshot(4, [1]));
    const other = { ...update(4, 5, [2]), store: 'other.myshopify.com' };
    expect(applied(view, other)).toBe(view);
    expect(applied(view, snapshot(9, [7], 'other.myshopify.com'))).toBe(view);
    expect(withStatus(view, { ...status(9, 'other.myshopify.com') } as StoreStatus)).toBe(view);
  });

  it('drops what no snapshot joins on to, for there may be a hole', () => {
    const view = { ...seen(snapshot(4, [1, 2])), older: 2 };
    const after = applied(view, snapshot(90, [50, 51]));
    expect([ids(after), after.older]).toEqual([['d51', 'd50'], undefined]);
    expect(applied(view, snapshot(5, [2, 3])).older).toBe(2);
  });

  it('tells each notice once', () => {
    const notice: Notice = { id: 'n1', at: '2026-11-21T12:00:00Z', kind: 'error', message: 'm' };
    const view = seen(snapshot(4, []), update(4, 5, [], [notice]), update(5, 6, [], [notice]));
    expect(view.notices).toEqual([notice]);
  });

  it('hands a whole view on to another tab, and nothing with a gap', () => {
    const view = seen(snapshot(4, [1]), update(4, 5, [2]));
    const handed = asSnapshot(view);
    expect(handed && seen(handed)).toMatchObject({ seq: 5, deliveries: view.deliveries });
    expect(asSnapshot(seen(snapshot(4, [1]), update(5, 6, [3])))).toBeNull();
    expect(asSnapshot(viewOf(STORE))).toBeNull();
  });
});

describe('the feed', () => {
  it('shows each delivery once, as it was last told', () => {
    const waiting = entry(1, { outcome: 'waiting' });
    const done = { ...entry(5), id: 'd1' };
    expect(merged([waiting], [done])).toEqual([done]);
    expect(merged([done], [waiting])).toEqual([done]);
    const other = { ...waiting, topic: 'products/create' };
    expect(merged([waiting], [other])).toHaveLength(2);
  });

  it('knows no more where older ones begin once some have fallen out', () => {
    const many = Array.from({ length: FEED_LIMIT }, (_, at) => entry(at));
    const view = { ...withDeliveries(seen(snapshot(4, [])), { deliveries: many, next: 3 }, null) };
    expect(view.older).toBe(3);
    const after = applied(view, update(4, 5, [9_999]));
    expect([after.deliveries.length, after.older]).toEqual([FEED_LIMIT, undefined]);
  });

  it('goes on where it stopped', () => {
    const first = withDeliveries(viewOf(STORE), { deliveries: [entry(9)], next: 8 }, null);
    const more = withDeliveries(first, { deliveries: [entry(7)], next: null }, 8);
    expect([ids(more), more.older]).toEqual([['d9', 'd7'], null]);
    expect(withDeliveries(more, { deliveries: [entry(10)], next: 9 }, null).older).toBeNull();
  });
});
