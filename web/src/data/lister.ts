// Loads the list of stores, and keeps it true to what is told.

import type { StorePage, Summary } from '../api';
import { type Client, Problem } from './client';
import { type ListOf, type StoreList, patched, withPage } from './list';
import { Throttle } from './throttle';

const PAGE = 50;
/** The most that the server gives at once: what is there already is asked for again in these. */
const PAGE_AGAIN = 200;
/** The most often that is counted how many stores are in each state. */
const COUNT_EVERY = 2_000;

export interface Outside {
  client(): Client;
  list(): StoreList;
  set(change: { list?: StoreList; listProblem?: Problem | null }): void;
  answered(): void;
  failed(problem: Problem): void;
}

export class Lister {
  private asking = new AbortController();
  private readonly counts = new Throttle(COUNT_EVERY, () => void this.count());

  constructor(private readonly outside: Outside) {}

  leave(): void {
    this.asking.abort();
    this.counts.cancel();
  }

  /** Shows other stores. */
  narrow(of: ListOf): void {
    const { q, state } = this.outside.list().of;
    if (q === of.q && state === of.state) return;
    this.outside.set({ list: { ...this.outside.list(), of } });
    void this.load(null);
  }

  /** Takes what a frame tells. */
  told(stores: Summary[]): void {
    this.outside.set({ list: patched(this.outside.list(), stores) });
    this.counts.want();
  }

  /** Loads the list: from its beginning, or what comes after a store. `keep`: as much as is there, in its place. */
  async load(after: string | null, keep = false): Promise<void> {
    if (after === null) {
      this.asking.abort();
      this.asking = new AbortController();
    }
    const { signal } = this.asking;
    const { of, stores: shown } = this.outside.list();
    const enough = keep ? shown.length : 0;
    try {
      const stores: Summary[] = [];
      let page: StorePage;
      let from = after;
      do {
        const limit = enough - stores.length > PAGE ? PAGE_AGAIN : PAGE;
        page = await this.outside.client().stores({ ...of, after: from, limit }, signal);
        if (signal.aborted) return;
        stores.push(...page.stores);
        from = page.next;
      } while (from !== null && stores.length < enough);
      // Put on the list as it is by now: more may have been told meanwhile.
      const list = withPage({ ...this.outside.list(), of }, { ...page, stores }, after);
      this.outside.set({ list, listProblem: null });
      this.outside.answered();
    } catch (problem) {
      if (signal.aborted || !(problem instanceof Problem)) return;
      this.outside.failed(problem);
      if (!this.outside.list().loaded || !problem.unreachable) this.outside.set({ listProblem: problem });
    }
  }

  private async count(): Promise<void> {
    const { signal } = this.asking;
    try {
      const page = await this.outside.client().stores({ ...this.outside.list().of, limit: 1 }, signal);
      if (!signal.aborted) this.outside.set({ list: { ...this.outside.list(), counts: page.counts } });
    } catch {
      // The next time will tell.
    }
  }
}
