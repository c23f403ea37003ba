import { describe, expect, it } from 'vitest';
import type { ActivityEntry, Notice, SnapshotFrame, Status, StoreStatus, UpdateFrame } from '../api';
import {
  MAX_FEED_ENTRIES,
  type StoreView,
  applyFrame,
  asSnapshot,
  emptyView,
  merge,
  withDeliveries,
  withStatus,
} from './view';

const STORE = 'demo.myshopify.com';
const lag = { deliveries: 0, triggered_to_received: null, received_to_indexed: null, triggered_to_indexed: null };

function status(seq: number, store = STORE): Status {
  return { store, seq } as Status;
}

function entry(id: number, over: Partial<ActivityEntry> = {}): ActivityEntry {
  const at = new Date(1_800_000_000_000 + id * 1_000).toISOString();
  return { topic: 'products/update', id: `d${id}`, received_at: at, at, outcome: 'applied', ...over };
}

function snapshot(seq: number, entries: number[], store = STORE): SnapshotFrame {
  return { type: 'snapshot', store, seq, status: status(seq, store), lag, deliveries: entries.map((id) => entry(id)) };
}

function update(after: number, seq: number, entries: number[], notices: Notice[] = []): UpdateFrame {
  return {
    type: 'update',
    store: STORE,
    after,
    seq,
    status: status(seq),
    deliveries: entries.map((id) => entry(id)),
    notices,
  };
}

function ids(view: StoreView): string[] {
  return view.deliveries.map((one) => one.id);
}

function viewAfter(...frames: (SnapshotFrame | UpdateFrame)[]): StoreView {
  return frames.reduce<StoreView>(applyFrame, emptyView(STORE));
}

describe('following a store', () => {
  it('applies one update after the other', () => {
    const view = viewAfter(snapshot(4, [1]), update(4, 5, [2]), update(5, 7, [3]));
    expect([view.seq, view.needsSnapshot, ids(view)]).toEqual([7, false, ['d3', 'd2', 'd1']]);
  });

  it('ignores an update that it has already applied', () => {
    const before = viewAfter(snapshot(4, [1]), update(4, 5, [2]));
    expect(applyFrame(before, update(4, 5, [2]))).toBe(before);
    expect(applyFrame(before, update(3, 4, [1]))).toBe(before);
  });

  it('applies an update that overlaps with earlier ones', () => {
    const view = viewAfter(snapshot(4, [1]), update(4, 5, [2]), update(4, 6, [2, 3]));
    expect([view.seq, view.needsSnapshot, ids(view)]).toEqual([6, false, ['d3', 'd2', 'd1']]);
  });

  it('needs a snapshot after a gap, and shows its data until then', () => {
    const gap = viewAfter(snapshot(4, [1]), update(5, 6, [3]));
    expect([gap.needsSnapshot, gap.status?.seq, ids(gap)]).toEqual([true, 6, ['d3', 'd1']]);
    const whole = applyFrame(gap, snapshot(6, [1, 2, 3]));
    expect([whole.needsSnapshot, whole.seq, ids(whole)]).toEqual([false, 6, ['d3', 'd2', 'd1']]);
  });

  it('applies pending updates on top of the snapshot', () => {
    const gap = viewAfter(snapshot(4, [1]), update(5, 6, [3]), update(6, 7, [4]));
    const whole = applyFrame(gap, snapshot(6, [1, 2, 3]));
    expect([whole.needsSnapshot, whole.seq, ids(whole)]).toEqual([false, 7, ['d4', 'd3', 'd2', 'd1']]);
  });

  it('needs another snapshot when there is a gap after the first', () => {
    const gap = viewAfter(snapshot(4, [1]), update(5, 6, [3]), update(8, 9, [6]));
    expect(applyFrame(gap, snapshot(6, [1, 2, 3])).needsSnapshot).toBe(true);
  });

  it('keeps an update that arrives before the first snapshot', () => {
    const view = viewAfter(update(4, 5, [2]), snapshot(4, [1]));
    expect([view.needsSnapshot, view.seq, ids(view)]).toEqual([false, 5, ['d2', 'd1']]);
  });

  it('ignores an older snapshot and an older status', () => {
    const view = viewAfter(snapshot(4, [1]), update(4, 5, [2]));
    expect(applyFrame(view, snapshot(4, [1]))).toBe(view);
    expect(withStatus(view, { ...status(3), state: 'idle' } as StoreStatus).status?.seq).toBe(5);
    expect(withStatus(view, { ...status(9), state: 'idle' } as StoreStatus).seq).toBe(5);
  });

  it('keeps newer deliveries if a snapshot was read too early', () => {
    const early = applyFrame(viewAfter(snapshot(4, [1]), update(4, 5, [2]), update(6, 7, [4])), snapshot(4, [1]));
    expect([early.seq, early.needsSnapshot, ids(early)]).toEqual([5, true, ['d4', 'd2', 'd1']]);
    expect(applyFrame(early, snapshot(7, [2, 3, 4])).needsSnapshot).toBe(false);
  });

  it('learns from a pong that updates were missed', () => {
    const view = viewAfter(snapshot(4, [1]));
    expect(applyFrame(view, { type: 'pong', seqs: { [STORE]: 4 } })).toBe(view);
    expect(applyFrame(view, { type: 'pong', seqs: { [STORE]: 5 } }).needsSnapshot).toBe(true);
    expect(applyFrame(view, { type: 'pong', seqs: {} }).needsSnapshot).toBe(true);
  });

  it('ignores frames and responses of another store', () => {
    const view = viewAfter(snapshot(4, [1]));
    const other = { ...update(4, 5, [2]), store: 'other.myshopify.com' };
    expect(applyFrame(view, other)).toBe(view);
    expect(applyFrame(view, snapshot(9, [7], 'other.myshopify.com'))).toBe(view);
    expect(withStatus(view, { ...status(9, 'other.myshopify.com') } as StoreStatus)).toBe(view);
  });

  it('drops deliveries that share none with a snapshot, because there may be a gap', () => {
    const view = { ...viewAfter(snapshot(4, [1, 2])), olderCursor: 2 };
    const after = applyFrame(view, snapshot(90, [50, 51]));
    expect([ids(after), after.olderCursor]).toEqual([['d51', 'd50'], undefined]);
    expect(applyFrame(view, snapshot(5, [2, 3])).olderCursor).toBe(2);
  });

  it('shows each notice once', () => {
    const notice: Notice = { id: 'n1', at: '2026-11-21T12:00:00Z', kind: 'error', message: 'm' };
    const view = viewAfter(snapshot(4, []), update(4, 5, [], [notice]), update(5, 6, [], [notice]));
    expect(view.notices).toEqual([notice]);
  });

  it('is shared with another tab only without a gap', () => {
    const view = viewAfter(snapshot(4, [1]), update(4, 5, [2]));
    const handed = asSnapshot(view);
    expect(handed && viewAfter(handed)).toMatchObject({ seq: 5, deliveries: view.deliveries });
    expect(asSnapshot(viewAfter(snapshot(4, [1]), update(5, 6, [3])))).toBeNull();
    expect(asSnapshot(emptyView(STORE))).toBeNull();
  });
});

describe('the feed', () => {
  it('shows the latest entry of each delivery', () => {
    const waiting = entry(1, { outcome: 'waiting' });
    const done = { ...entry(5), id: 'd1' };
    expect(merge([waiting], [done])).toEqual([done]);
    expect(merge([done], [waiting])).toEqual([done]);
    const other = { ...waiting, topic: 'products/create' };
    expect(merge([waiting], [other])).toHaveLength(2);
  });

  it('does not know the cursor of older deliveries once some have dropped out', () => {
    const many = Array.from({ length: MAX_FEED_ENTRIES }, (_, at) => entry(at));
    const view = { ...withDeliveries(viewAfter(snapshot(4, [])), { deliveries: many, next: 3 }, null) };
    expect(view.olderCursor).toBe(3);
    const after = applyFrame(view, update(4, 5, [9_999]));
    expect([after.deliveries.length, after.olderCursor]).toEqual([MAX_FEED_ENTRIES, undefined]);
  });

  it('continues after the last page', () => {
    const first = withDeliveries(emptyView(STORE), { deliveries: [entry(9)], next: 8 }, null);
    const more = withDeliveries(first, { deliveries: [entry(7)], next: null }, 8);
    expect([ids(more), more.olderCursor]).toEqual([['d9', 'd7'], null]);
    expect(withDeliveries(more, { deliveries: [entry(10)], next: 9 }, null).olderCursor).toBeNull();
  });
});
