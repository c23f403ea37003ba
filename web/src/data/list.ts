// The list of stores, as far as it has been loaded: sorted by name.

import type { State, StorePage, Summary } from '../api';

const EARLY_LIMIT = 1_000;

export interface ListOf {
  q: string;
  state: State | null;
}

export interface StoreList {
  of: ListOf;
  stores: Summary[];
  /** After which name there are more. */
  next: string | null;
  counts: Record<State, number> | null;
  loaded: boolean;
  /** What was told before any page came: it may be newer. */
  early: Summary[];
}

export function emptyList(of: ListOf): StoreList {
  return { of, stores: [], next: null, counts: null, loaded: false, early: [] };
}

/** Adds a page that was asked for after the last store that is there, or in place of all. */
export function withPage(list: StoreList, page: StorePage, after: string | null): StoreList {
  // The server's list may be a moment older than what was told since.
  const told = new Map([...list.stores, ...list.early].map((known) => [known.store, known]));
  const more = page.stores.map((summary) => {
    const known = told.get(summary.store);
    return known !== undefined && known.seq > summary.seq ? known : summary;
  });
  const stores = after === null ? more : [...list.stores.filter((known) => known.store <= after), ...more];
  return { ...list, stores, next: page.next, counts: page.counts, loaded: true, early: [] };
}

/** Whether the list is to show this store. */
export function belongs(of: ListOf, summary: Summary): boolean {
  return summary.store.includes(of.q.trim().toLowerCase()) && (of.state === null || of.state === summary.state);
}

/** Puts what was told of some stores in its place; those beyond what is loaded stay beyond. */
export function patched(list: StoreList, told: Summary[]): StoreList {
  if (!list.loaded) return { ...list, early: [...list.early, ...told].slice(-EARLY_LIMIT) };
  if (told.length === 0) return list;
  const byName = new Map(list.stores.map((known) => [known.store, known]));
  for (const summary of told) {
    const known = byName.get(summary.store);
    if (known !== undefined && known.seq > summary.seq) continue;
    if (!belongs(list.of, summary)) byName.delete(summary.store);
    else if (known !== undefined || list.next === null || summary.store <= list.next)
      byName.set(summary.store, summary);
  }
  const stores = [...byName.values()].sort((a, b) => (a.store < b.store ? -1 : a.store > b.store ? 1 : 0));
  return { ...list, stores };
}

/** How many are in each state, in all. */
export function countOf(list: StoreList, state: State | null): number | null {
  if (list.counts === null) return null;
  return state === null ? list.counts.live + list.counts.idle + list.counts.attention : list.counts[state];
}
