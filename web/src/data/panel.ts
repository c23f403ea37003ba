// One signed-in panel: its state, and the place that it shows. Frames come through live.ts and answers of the HTTP API through
// polling.ts; commands.ts has the commands of a person, and access.ts checks what the person may still do.

import type { Me } from '../api';
import { Live } from '../live/live';
import { AccessMonitor, sees } from './access';
import type { Client } from './client';
import { Commands } from './commands';
import { Emitter } from './emitter';
import { emptyList } from './list';
import { ListLoader } from './list-loader';
import { Polling } from './polling';
import { LIST, type Route, hashOf, readRoute } from './route';
import type { Session } from './session';
import type { PanelState, StateAccess } from './state';
import { emptyView } from './view';

const TICK_MS = 1_000;

export class Panel extends Emitter<PanelState> {
  readonly commands: Commands;
  private readonly access: AccessMonitor;
  private readonly live: Live;
  private readonly polling: Polling;
  private readonly listLoader: ListLoader;
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly leaving = new AbortController();

  /** `scope` is the path of the deployment: tabs of another one share nothing with this tab. */
  constructor(
    me: Me,
    readonly client: Client,
    session: Session,
    scope: string,
    private readonly signOut: (reason: string | null) => void,
  ) {
    const requested = readRoute(location.hash);
    const onlyStore = me.stores.length === 1 && me.stores[0] !== '*' ? (me.stores[0] ?? null) : null;
    const route = requested ?? { store: onlyStore, delivery: null };
    super({
      me,
      link: me.live_url === null ? 'disconnected' : 'connecting',
      route,
      view: null,
      error: null,
      list: emptyList({ q: '', state: null }),
      listError: null,
      dismissed: new Set(),
      reachable: true,
      freshAt: new Date().toISOString(),
    });
    const state: StateAccess = { get: () => this.state, set: (change) => this.set(change) };
    this.access = new AccessMonitor(client, session, {
      me: () => this.state.me,
      changed: (changed) => this.grant(changed),
      ended: (reason) => this.end(reason),
    });
    this.listLoader = new ListLoader(client, state, {
      loaded: () => this.polling.markReachable(),
      failed: (error) => this.polling.reportFailure(error),
    });
    this.live = new Live(state, client, session, scope, {
      accessChanged: (changed) => this.grant(changed),
      accessRevoked: () => this.end('Your access was revoked.'),
      storesChanged: (stores) => this.listLoader.update(stores),
      watchRefused: () => {
        // The API refuses what the socket refuses, and gives a reason.
        void this.access.check();
        this.polling.refreshStatus();
      },
      storeChanged: () => this.polling.refreshStatus(),
      deliveriesMissing: () => void this.polling.loadDeliveries(null),
      linkChanged: (link) => this.polling.linkChanged(link),
      ticketFailed: (error) => this.access.inspect(error),
    });
    this.polling = new Polling(state, client, this.listLoader, {
      failed: (error) => this.access.inspect(error),
      updatesMissed: () => this.live.requestSnapshot(),
      reachableAgain: () => this.live.retry(),
    });
    this.commands = new Commands(state, client, {
      access: this.access,
      listLoader: this.listLoader,
      live: this.live,
      polling: this.polling,
    });
    this.show(route.store);
    if (requested === null) history.replaceState(null, '', hashOf(route));
    this.listen();
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  /** Stops all timers, requests and connections. */
  leave(): void {
    clearInterval(this.timer);
    this.leaving.abort();
    this.polling.leave();
    this.listLoader.leave();
    this.live.leave();
  }

  /** Opens a route in this tab. `replace` leaves no entry in the history, as while a person types a search. */
  go(route: Route, replace = false): void {
    if (replace) history.replaceState(null, '', hashOf(route));
    else if (location.hash !== hashOf(route)) history.pushState(null, '', hashOf(route));
    this.arrive(route);
  }

  private listen(): void {
    const options = { signal: this.leaving.signal };
    const follow = () => this.arrive(readRoute(location.hash) ?? LIST);
    window.addEventListener('popstate', follow, options);
    window.addEventListener('hashchange', follow, options);
    window.addEventListener('online', () => this.live.verify(), options);
    window.addEventListener('offline', () => this.live.verify(), options);
    window.addEventListener('focus', () => void this.access.check(), options);
    document.addEventListener('visibilitychange', () => this.visibilityChanged(), options);
  }

  private arrive(route: Route): void {
    const from = this.state.route;
    this.set({ route });
    if (route.store === from.store) return;
    this.live.move();
    this.show(route.store);
  }

  /** Begins with a store, or with the list. Nothing of the previous one stays. */
  private show(store: string | null): void {
    this.set({ view: store === null ? null : emptyView(store), error: null });
    this.polling.restart();
    this.live.restart();
  }

  private grant(me: Me): void {
    const { store } = this.state.route;
    const sawStore = store === null || sees(this.state.me, store);
    this.set({ me });
    // Remove a store from the page once its principal may no longer see it.
    if (store !== null && sawStore && !sees(me, store)) this.show(store);
  }

  private end(reason: string): void {
    if (!this.leaving.signal.aborted) this.signOut(reason);
  }

  private visibilityChanged(): void {
    if (document.visibilityState !== 'visible') return;
    this.live.verify();
    void this.access.check();
    this.polling.refresh();
  }

  private tick(): void {
    const now = Date.now();
    this.access.tick(now);
    if (document.visibilityState !== 'visible') return;
    this.live.tick();
    this.polling.tick(now);
  }
}
