// Loads the list of stores, and applies the changes that frames bring.

import type { StoreSummary, StoresResponse } from '../api';
import { ApiError, type Client } from './client';
import { type ListFilter, withPage, withSummaries } from './list';
import type { StateAccess } from './state';
import { Throttle } from './throttle';

const STORES_PER_PAGE = 50;
/** Most stores that the server returns at once. */
const STORES_PER_RELOAD = 200;
/** Shortest interval between two reads of the counts by state. */
const COUNT_EVERY_MS = 2_000;

export interface ListLoaderListener {
  loaded(): void;
  failed(error: ApiError): void;
}

export class ListLoader {
  private requests = new AbortController();
  private readonly counts = new Throttle(COUNT_EVERY_MS, () => void this.loadCounts());

  constructor(
    private readonly client: Client,
    private readonly state: StateAccess,
    private readonly listener: ListLoaderListener,
  ) {}

  leave(): void {
    this.requests.abort();
    this.counts.cancel();
  }

  filter(filter: ListFilter): void {
    const { list } = this.state.get();
    if (list.filter.q === filter.q && list.filter.state === filter.state) return;
    this.state.set({ list: { ...list, filter } });
    void this.load(null);
  }

  /** Applies the summaries of a frame. */
  update(summaries: StoreSummary[]): void {
    this.state.set({ list: withSummaries(this.state.get().list, summaries) });
    this.counts.schedule();
  }

  /** Loads the page after a store; null begins again with the first page. */
  load(after: string | null): Promise<void> {
    return this.loadPages(after, 0);
  }

  /** Loads as many stores again as the list shows. */
  reload(): Promise<void> {
    return this.loadPages(null, this.state.get().list.stores.length);
  }

  private async loadPages(after: string | null, atLeast: number): Promise<void> {
    if (after === null) {
      this.requests.abort();
      this.requests = new AbortController();
    }
    const { signal } = this.requests;
    const { filter } = this.state.get().list;
    try {
      const stores: StoreSummary[] = [];
      let page: StoresResponse;
      let from = after;
      do {
        const limit = atLeast - stores.length > STORES_PER_PAGE ? STORES_PER_RELOAD : STORES_PER_PAGE;
        page = await this.client.stores({ ...filter, after: from, limit }, signal);
        if (signal.aborted) return;
        stores.push(...page.stores);
        from = page.next;
      } while (from !== null && stores.length < atLeast);
      // Frames may have changed the list since the request was sent.
      const list = withPage({ ...this.state.get().list, filter }, { ...page, stores }, after);
      this.state.set({ list, listError: null });
      this.listener.loaded();
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) return;
      this.listener.failed(error);
      if (!this.state.get().list.loaded || !error.isUnreachable) this.state.set({ listError: error });
    }
  }

  private async loadCounts(): Promise<void> {
    const { signal } = this.requests;
    try {
      const page = await this.client.stores({ ...this.state.get().list.filter, limit: 1 }, signal);
      const { list } = this.state.get();
      if (!signal.aborted) this.state.set({ list: { ...list, counts: page.counts } });
    } catch {
      // The next frame schedules another read.
    }
  }
}
