// The list of stores, as far as it has been loaded, sorted by name.

import type { StoreState, StoreSummary, StoresResponse } from '../api';

/** Most summaries kept from frames that arrive before the first page. */
const MAX_EARLY_SUMMARIES = 1_000;

export interface ListFilter {
  /** Part of a store's name. */
  q: string;
  state: StoreState | null;
}

export interface StoreList {
  filter: ListFilter;
  stores: StoreSummary[];
  /** Name of the last loaded store, if there are more after it. */
  next: string | null;
  counts: Record<StoreState, number> | null;
  loaded: boolean;
  /** Summaries that frames brought before the first page: they may be newer. */
  early: StoreSummary[];
}

export function emptyList(filter: ListFilter): StoreList {
  return { filter, stores: [], next: null, counts: null, loaded: false, early: [] };
}

/** Adds the page that follows the store `after`, or replaces all if that is null. */
export function withPage(list: StoreList, page: StoresResponse, after: string | null): StoreList {
  // The page may be older than what frames have brought since.
  const byName = new Map([...list.stores, ...list.early].map((known) => [known.store, known]));
  const more = page.stores.map((summary) => {
    const known = byName.get(summary.store);
    return known !== undefined && known.seq > summary.seq ? known : summary;
  });
  const stores = after === null ? more : [...list.stores.filter((known) => known.store <= after), ...more];
  return { ...list, stores, next: page.next, counts: page.counts, loaded: true, early: [] };
}

/** Returns true if the list shows this store under its filter. */
function matches(filter: ListFilter, summary: StoreSummary): boolean {
  return (
    summary.store.includes(filter.q.trim().toLowerCase()) && (filter.state === null || filter.state === summary.state)
  );
}

/** Puts summaries of a frame in their place. Stores beyond the loaded pages are left out. */
export function withSummaries(list: StoreList, summaries: StoreSummary[]): StoreList {
  if (!list.loaded) return { ...list, early: [...list.early, ...summaries].slice(-MAX_EARLY_SUMMARIES) };
  if (summaries.length === 0) return list;
  const byName = new Map(list.stores.map((known) => [known.store, known]));
  for (const summary of summaries) {
    const known = byName.get(summary.store);
    if (known !== undefined && known.seq > summary.seq) continue;
    if (!matches(list.filter, summary)) byName.delete(summary.store);
    else if (known !== undefined || list.next === null || summary.store <= list.next)
      byName.set(summary.store, summary);
  }
  const stores = [...byName.values()].sort((a, b) => (a.store < b.store ? -1 : a.store > b.store ? 1 : 0));
  return { ...list, stores };
}

/** Number of stores in a state, or in all of them, loaded or not. */
export function countOf(list: StoreList, state: StoreState | null): number | null {
  if (list.counts === null) return null;
  return state === null ? list.counts.live + list.counts.idle + list.counts.attention : list.counts[state];
}
