// Reads the selected store and the list over the HTTP API: at first, after changes, and on a timer for what no frame
// carries.

import type { Link } from '../live/machine';
import { sees } from './access';
import { ApiError, type Client } from './client';
import type { ListLoader } from './list-loader';
import type { StateAccess } from './state';
import { Throttle } from './throttle';
import { emptyView, withDeliveries, withStatus } from './view';

/** Interval of polling while there is no live connection. */
const POLL_EVERY_MS = 5_000;
/** Interval of reading everything again: a store becomes idle by the clock, and no frame says so. */
const REFRESH_EVERY_MS = 60_000;
/** Shortest interval between two reads of the status. */
const STATUS_EVERY_MS = 2_000;
/** Time within which a frame that was sent has arrived. */
const FRAME_DELAY_MS = 3_000;
const DELIVERIES_PER_PAGE = 50;

export interface PollingListener {
  failed(error: ApiError): void;
  /** The store has changed, and no frame came. */
  updatesMissed(): void;
  /** The server answers again. */
  reachableAgain(): void;
}

export class Polling {
  /** Aborts the requests for the place that the panel shows. */
  private requests = new AbortController();
  /** Latest `seq` of a status for which a frame has been awaited. */
  private awaitedSeq = 0;
  private polledAt = 0;
  private refreshedAt = Date.now();
  private readonly status = new Throttle(STATUS_EVERY_MS, () => void this.loadStatus());

  constructor(
    private readonly state: StateAccess,
    private readonly client: Client,
    private readonly listLoader: ListLoader,
    private readonly listener: PollingListener,
  ) {}

  leave(): void {
    this.requests.abort();
    this.status.cancel();
  }

  /** Begins again with the place that the panel shows now. */
  restart(): void {
    this.leave();
    this.requests = new AbortController();
    this.polledAt = this.refreshedAt = Date.now();
    this.awaitedSeq = 0;
    if (this.state.get().route.store === null) {
      void this.listLoader.load(null);
    } else {
      void this.loadStatus();
      void this.loadDeliveries(null);
    }
  }

  tick(now: number): void {
    const { link, reachable, error, route, me } = this.state.get();
    const polls = link === 'disconnected' || !reachable;
    if (polls && now - this.polledAt >= POLL_EVERY_MS) void this.poll();
    // A store within reach that is not known yet appears with its first event.
    const awaited = error?.status === 404 && route.store !== null && sees(me, route.store);
    if (now - this.refreshedAt >= (awaited ? POLL_EVERY_MS : REFRESH_EVERY_MS)) this.refresh();
  }

  linkChanged(link: Link): void {
    if (link === 'live') {
      this.status.schedule();
      if (this.state.get().route.store === null) void this.listLoader.reload();
    }
    if (link === 'disconnected') this.polledAt = 0;
  }

  /** Reads the store's status, but not too often. */
  refreshStatus(): void {
    this.status.schedule();
  }

  /** Reads the list or the status again. */
  refresh(): void {
    this.refreshedAt = Date.now();
    if (this.state.get().route.store === null) void this.listLoader.reload();
    else this.status.schedule();
  }

  async poll(): Promise<void> {
    this.polledAt = Date.now();
    const wasUnreachable = !this.state.get().reachable;
    if (this.state.get().route.store === null) await this.listLoader.reload();
    else await Promise.all([this.loadStatus(), this.loadDeliveries(null)]);
    if (wasUnreachable && this.state.get().reachable) this.listener.reachableAgain();
  }

  /** Loads deliveries before a cursor; null loads the latest. */
  async loadDeliveries(before: number | null): Promise<void> {
    const { signal } = this.requests;
    const { store } = this.state.get().route;
    if (store === null) return;
    await this.load(signal, async () => {
      try {
        const page = await this.client.deliveries(store, before, DELIVERIES_PER_PAGE, signal);
        const { view } = this.state.get();
        if (!signal.aborted && view) this.state.set({ view: withDeliveries(view, page, before) });
      } catch (error) {
        // 501: the deployment keeps no activity.
        if (!(error instanceof ApiError) || error.status !== 501) throw error;
        const { view } = this.state.get();
        if (!signal.aborted && view) this.state.set({ view: { ...view, feedError: error.message } });
      }
    });
  }

  markReachable(): void {
    this.state.set({ reachable: true, freshAt: new Date().toISOString() });
  }

  reportFailure(error: ApiError): void {
    this.listener.failed(error);
    if (error.isUnreachable) this.state.set({ reachable: error.status !== 0 });
  }

  private async loadStatus(): Promise<void> {
    const { signal } = this.requests;
    const { store } = this.state.get().route;
    if (store === null) return;
    await this.load(signal, async () => {
      const response = await this.client.status(store, signal);
      const { view, error } = this.state.get();
      if (signal.aborted || view === null) return;
      this.state.set({ view: withStatus(view, response), error: null });
      if (error?.status === 404) {
        // The server refused to follow the store while it did not know it.
        void this.loadDeliveries(null);
        this.listener.updatesMissed();
      } else {
        this.awaitFrame(response.seq, signal);
      }
    });
  }

  /** Reports missed updates if no frame with this `seq` arrives soon. */
  private awaitFrame(seq: number, signal: AbortSignal): void {
    const isSeen = () => seq <= (this.state.get().view?.seq ?? -1);
    if (isSeen() || seq === this.awaitedSeq) return;
    this.awaitedSeq = seq;
    setTimeout(() => {
      if (!signal.aborted && !isSeen()) this.listener.updatesMissed();
    }, FRAME_DELAY_MS);
  }

  private async load(signal: AbortSignal, request: () => Promise<void>): Promise<void> {
    try {
      await request();
      if (!signal.aborted) this.markReachable();
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) return;
      this.reportFailure(error);
      const { view } = this.state.get();
      if (error.status === 404 && view) this.state.set({ view: emptyView(view.store), error });
      else if (view?.status === null) this.state.set({ error });
    }
  }
}
