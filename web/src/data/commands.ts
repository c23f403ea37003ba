// Commands of a person: what the buttons and fields of the panel do.

import type { Live } from '../live/live';
import type { AccessMonitor } from './access';
import type { Client } from './client';
import type { ListFilter } from './list';
import type { ListLoader } from './list-loader';
import type { Polling } from './polling';
import type { StateAccess } from './state';

export class Commands {
  constructor(
    private readonly state: StateAccess,
    private readonly client: Client,
    private readonly parts: { access: AccessMonitor; listLoader: ListLoader; live: Live; polling: Polling },
  ) {}

  /** Hides notices, in all tabs at this place. */
  dismiss(ids: string[]): void {
    this.parts.live.dismiss(ids);
  }

  /** Calls the API on behalf of a person, then reads the store's status again. */
  async act<T>(action: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await action(this.client);
    } catch (error) {
      this.parts.access.inspect(error);
      throw error;
    } finally {
      this.parts.polling.refreshStatus();
    }
  }

  /** Shows the stores that match a filter. */
  filterStores(filter: ListFilter): void {
    this.parts.listLoader.filter(filter);
  }

  moreStores(): Promise<void> {
    return this.parts.listLoader.load(this.state.get().list.next);
  }

  async olderDeliveries(): Promise<void> {
    const { view } = this.state.get();
    if (view === null || view.olderCursor === null) return;
    // The cursor is unknown once deliveries have dropped out of the feed: begin again with the newest.
    if (view.olderCursor === undefined) this.state.set({ view: { ...view, deliveries: [] } });
    await this.parts.polling.loadDeliveries(view.olderCursor ?? null);
  }

  /** Tries the connection and the API again at once. */
  retry(): void {
    this.state.set({ error: null, listError: null });
    this.parts.live.verify();
    void this.parts.polling.poll();
  }
}
