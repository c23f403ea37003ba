// One signed-in page: what it looks at, what it knows, and how it stays true. Frames come from the socket, this tab's or
// another's; answers from the HTTP API, asked by each tab for itself.

import type { Asked, Frame, Me, Notice } from '../api';
import type { Link } from '../live/machine';
import { Socket } from '../live/socket';
import { Tabs, type Told } from '../live/tabs';
import { sees } from './access';
import { type Client, Problem } from './client';
import { Emitter } from './emitter';
import { type ListOf, emptyList } from './list';
import { Lister } from './lister';
import { LIST, type Route, hashOf, readRoute } from './route';
import type { Session } from './session';
import type { HubState } from './state';
import { Throttle } from './throttle';
import { applied, asSnapshot, viewOf, wanting, withDeliveries, withStatus } from './view';

/** How often the page asks while there is no socket. */
const POLL_EVERY = 5_000;
/** How often it asks what it may do. */
const ME_EVERY = 45_000;
/** A store becomes idle by the clock: nothing is told of it. */
const TRUTH_EVERY = 60_000;
/** The most often that what no frame tells is asked for. */
const STATUS_EVERY = 2_000;
const WATCH_EVERY = 1_000;
/** A frame that was sent has come within this. */
const ON_ITS_WAY = 3_000;
const PAGE = 50;

export class Hub extends Emitter<HubState> {
  /** Those that look at the same place. */
  private tabs: Tabs;
  /** The connection, if it is this tab's: it goes with the tab from place to place. */
  private socket: Socket | null = null;
  private asking = new AbortController();
  /** Up to where the status told, and frames were waited for. */
  private waitedFor = 0;
  private polledAt = 0;
  private truthAt = Date.now();
  private meAt = Date.now();
  private readonly beat: ReturnType<typeof setInterval>;
  private readonly status = new Throttle(STATUS_EVERY, () => void this.loadStatus());
  private readonly lister = new Lister({
    client: () => this.client,
    list: () => this.state.list,
    set: (change) => this.set(change),
    answered: () => this.fresh(),
    failed: (problem) => this.failed(problem),
  });
  private readonly watch = new Throttle(WATCH_EVERY, () => this.askSnapshot());
  private readonly gone = new AbortController();

  constructor(
    me: Me,
    readonly client: Client,
    private readonly session: Session,
    private readonly scope: string,
    private readonly end: (reason: string | null) => void,
  ) {
    const asked = readRoute(location.hash);
    const only = me.stores.length === 1 && me.stores[0] !== '*' ? (me.stores[0] ?? null) : null;
    const route = asked ?? { store: only, delivery: null };
    super({
      me,
      link: me.live_url === null ? 'disconnected' : 'connecting',
      route,
      view: null,
      problem: null,
      list: emptyList({ q: '', state: null }),
      listProblem: null,
      dismissed: new Set(),
      reachable: true,
      freshAt: new Date().toISOString(),
    });
    this.tabs = this.join();
    this.show(route.store);
    if (asked === null) history.replaceState(null, '', hashOf(route));
    const listen = { signal: this.gone.signal };
    window.addEventListener('popstate', () => this.follow(), listen);
    window.addEventListener('hashchange', () => this.follow(), listen);
    window.addEventListener('online', () => this.doubt(), listen);
    window.addEventListener('offline', () => this.doubt(), listen);
    window.addEventListener('focus', () => void this.checkMe(), listen);
    document.addEventListener('visibilitychange', () => this.looked(), listen);
    this.beat = setInterval(() => this.tick(), 1_000);
  }

  leave(): void {
    clearInterval(this.beat);
    this.gone.abort();
    this.asking.abort();
    this.lister.leave();
    for (const throttle of [this.status, this.watch]) throttle.cancel();
    this.tabs.leave();
    this.hangUp();
  }

  // What a person does.

  /** Goes somewhere, in this tab. */
  go(route: Route): void {
    if (location.hash !== hashOf(route)) history.pushState(null, '', hashOf(route));
    this.arrive(route);
  }

  dismiss(ids: string[]): void {
    this.putAway(ids);
    this.tabs.tell({ kind: 'dismiss', ids });
  }

  /** Does something to the selected store; what door and server say is looked at. */
  async act<T>(action: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await action(this.client);
    } catch (problem) {
      this.look(problem);
      throw problem;
    } finally {
      this.status.want();
    }
  }

  narrow(of: ListOf): void {
    this.lister.narrow(of);
  }

  moreStores = (): Promise<void> => this.lister.load(this.state.list.next);

  async olderDeliveries(): Promise<void> {
    const { view } = this.state;
    if (view === null || view.older === null) return;
    // Of what has fallen out nobody knows where it began: then from the newest on.
    if (view.older === undefined) this.set({ view: { ...view, deliveries: [] } });
    await this.loadDeliveries(view.older ?? null);
  }

  /** Tries everything again now. */
  retry(): void {
    this.set({ problem: null, listProblem: null });
    this.doubt();
    void this.poll();
  }

  // What other tabs tell.

  leads(): void {
    const { live_url } = this.state.me;
    if (live_url === null) return;
    if (this.socket !== null) {
      this.socket.watch();
      this.tabs.tell({ kind: 'link', link: this.socket.link });
      this.linked(this.socket.link);
      return;
    }
    this.socket = new Socket({
      ticket: async () => (await this.guard(this.client.ticket())).ticket,
      url: new URL(live_url),
      watching: () => this.watching(),
      heard: (frame) => {
        if (!this.tabs.leader) return;
        this.tabs.tell({ kind: 'frame', frame });
        this.take(frame);
      },
      link: (link) => {
        if (!this.tabs.leader) return;
        this.tabs.tell({ kind: 'link', link });
        this.linked(link);
      },
    });
    this.socket.dispatch({ type: 'start' });
    this.linked(this.socket.link);
  }

  heard(told: Told, from: string): void {
    switch (told.kind) {
      case 'hello':
        if (this.tabs.leader) this.welcome(from);
        return;
      case 'welcome':
        if (told.to !== this.tabs.id) return;
        this.hangUp();
        this.putAway(told.dismissed);
        if (told.frame !== null) this.take(told.frame);
        this.remind(told.notices);
        this.linked(told.link);
        return;
      case 'frame':
        this.hangUp();
        this.take(told.frame);
        return;
      case 'link':
        this.hangUp();
        this.linked(told.link);
        return;
      case 'dismiss':
        this.putAway(told.ids);
        return;
      case 'watch':
        if (this.tabs.leader) this.watch.want();
        return;
      case 'nudge':
        this.socket?.dispatch({ type: told.hurry ? 'hurry' : 'tick' });
    }
  }

  private welcome(to: string): void {
    const { view, link, dismissed } = this.state;
    this.tabs.tell({
      kind: 'welcome',
      to,
      link,
      frame: view === null ? null : asSnapshot(view),
      notices: view?.notices ?? [],
      dismissed: [...dismissed],
    });
  }

  private remind(notices: Notice[]): void {
    const { view } = this.state;
    if (view !== null && view.notices.length === 0) this.set({ view: { ...view, notices } });
  }

  private putAway(ids: string[]): void {
    this.set({ dismissed: new Set([...this.state.dismissed, ...ids]) });
  }

  // Where one is.

  private follow(): void {
    this.arrive(readRoute(location.hash) ?? LIST);
  }

  private arrive(route: Route): void {
    const from = this.state.route;
    this.set({ route });
    if (route.store === from.store) return;
    this.tabs.leave();
    this.tabs = this.join();
    this.show(route.store);
  }

  /** Joins the tabs that look at the same place. */
  private join(): Tabs {
    const { me, route } = this.state;
    const tabs = new Tabs(`hookline live ${this.scope} ${me.principal} ${route.store ?? '*'}`, this, {
      channel: 'BroadcastChannel' in window ? (name) => new BroadcastChannel(name) : null,
      locks: 'locks' in navigator ? navigator.locks : null,
      id: Math.random().toString(36).slice(2),
    });
    tabs.tell({ kind: 'hello' });
    return tabs;
  }

  /** Another tab has the connection of this place. */
  private hangUp(): void {
    if (this.tabs.leader) return;
    this.socket?.dispatch({ type: 'stop' });
    this.socket = null;
  }

  /** Begins with a store, or with the list. Nothing of the one before stays. */
  private show(store: string | null): void {
    this.asking.abort();
    this.asking = new AbortController();
    this.status.cancel();
    this.watch.cancel();
    this.set({ view: store === null ? null : viewOf(store), problem: null });
    this.polledAt = this.truthAt = Date.now();
    this.waitedFor = 0;
    if (store === null) {
      void this.lister.load(null);
    } else {
      void this.loadStatus();
      void this.loadDeliveries(null);
    }
    if (this.tabs.leader) this.socket?.watch();
  }

  // The socket.

  private watching(): Asked {
    const { store } = this.state.route;
    return { action: 'watch', store, list: store === null };
  }

  private askSnapshot(): void {
    if (this.state.view?.wanted === false) return;
    if (this.tabs.leader) this.socket?.watch();
    else this.tabs.tell({ kind: 'watch' });
  }

  private linked(link: Link): void {
    if (link === this.state.link) return;
    this.set({ link });
    if (link === 'live') {
      this.status.want();
      if (this.state.route.store === null) void this.lister.load(null, true);
    }
    if (link === 'disconnected') this.polledAt = 0;
  }

  private take(frame: Frame): void {
    switch (frame.type) {
      case 'access':
        this.expires(frame.expires_at);
        this.may({ ...this.state.me, role: frame.role, stores: frame.stores, expires_at: frame.expires_at });
        return;
      case 'revoked':
        this.end('Your access was revoked.');
        return;
      case 'stores':
        this.lister.told(frame.stores);
        return;
      case 'refused':
        // What is asked for is what the page shows: the HTTP API says in words what is wrong with it.
        void this.checkMe();
        this.status.want();
        return;
      case 'snapshot':
      case 'update':
      case 'pong': {
        if (this.state.view === null) return;
        const view = applied(this.state.view, frame);
        if (view === this.state.view) return;
        const hole = frame.type === 'snapshot' && view.older === undefined && this.state.view.older !== undefined;
        this.set({ view });
        if (hole) void this.loadDeliveries(null);
        if (view.wanted) this.watch.want();
        if (frame.type !== 'pong') this.status.want();
      }
    }
  }

  private expires(at: string): void {
    // Shopify's tokens last a minute and are renewed with the socket. An operator's ends when it ends.
    if (this.session.kind === 'embedded') this.socket?.dispatch({ type: 'expires', at: Date.parse(at) });
  }

  // What one may do.

  private may(me: Me): void {
    const { route } = this.state;
    const sawIt = route.store === null || sees(this.state.me, route.store);
    this.set({ me });
    if (route.store !== null && sawIt && !sees(me, route.store)) {
      // Nothing of it stays on the page.
      this.show(route.store);
    }
  }

  private async checkMe(): Promise<void> {
    this.meAt = Date.now();
    try {
      this.may(await this.client.me());
    } catch (problem) {
      if (problem instanceof Problem && (problem.status === 401 || problem.status === 403)) this.shut();
    }
  }

  private shut(): void {
    if (this.gone.signal.aborted) return;
    const expired = Date.parse(this.state.me.expires_at) <= Date.now();
    this.end(expired ? 'Your access has expired.' : 'Your access was revoked, or has expired.');
  }

  private look(problem: unknown): void {
    if (problem instanceof Problem && (problem.door || problem.status === 403)) void this.checkMe();
  }

  private async guard<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (problem) {
      this.look(problem);
      throw problem;
    }
  }

  // Time, and the network.

  private doubt(): void {
    if (this.socket) this.socket.dispatch({ type: 'doubt' });
    else this.tabs.tell({ kind: 'nudge', hurry: true });
  }

  private looked(): void {
    if (document.visibilityState !== 'visible') return;
    this.doubt();
    void this.checkMe();
    this.truth();
  }

  private tick(): void {
    const now = Date.now();
    // What has expired by this clock, has perhaps not by the server's: it decides.
    const expired = this.session.kind === 'operator' && Date.parse(this.state.me.expires_at) <= now;
    if (now - this.meAt >= (expired ? POLL_EVERY : ME_EVERY)) void this.checkMe();
    if (document.visibilityState !== 'visible') return;
    const { link } = this.state;
    if (link !== 'live' && !this.tabs.leader) this.tabs.tell({ kind: 'nudge', hurry: false });
    const asks = link === 'disconnected' || !this.state.reachable;
    if (asks && now - this.polledAt >= POLL_EVERY) void this.poll();
    // A store that one may see shows with its first event.
    const { problem, route, me } = this.state;
    const awaited = problem?.status === 404 && route.store !== null && sees(me, route.store);
    if (now - this.truthAt >= (awaited ? POLL_EVERY : TRUTH_EVERY)) this.truth();
  }

  private truth(): void {
    this.truthAt = Date.now();
    if (this.state.route.store === null) void this.lister.load(null, true);
    else this.status.want();
  }

  private async poll(): Promise<void> {
    this.polledAt = Date.now();
    const unreachable = !this.state.reachable;
    if (this.state.route.store === null) await this.lister.load(null, true);
    else await Promise.all([this.loadStatus(), this.loadDeliveries(null)]);
    if (unreachable && this.state.reachable) {
      if (this.socket) this.socket.dispatch({ type: 'hurry' });
      else this.tabs.tell({ kind: 'nudge', hurry: true });
    }
  }

  // The HTTP API.

  private async loadStatus(): Promise<void> {
    const { signal } = this.asking;
    const store = this.state.route.store;
    if (store === null) return;
    await this.load(signal, async () => {
      const answer = await this.client.status(store, signal);
      if (signal.aborted || this.state.view === null) return;
      const wasUnknown = this.state.problem?.status === 404;
      this.set({ view: withStatus(this.state.view, answer), problem: null });
      if (wasUnknown) {
        // Whoever asked to follow it was refused.
        void this.loadDeliveries(null);
        this.miss();
      } else if (answer.seq > (this.state.view.seq ?? -1) && answer.seq !== this.waitedFor) {
        this.waitedFor = answer.seq;
        setTimeout(() => {
          if (!signal.aborted && (this.state.view?.seq ?? -1) < answer.seq) this.miss();
        }, ON_ITS_WAY);
      }
    });
  }

  /** Something was missed: asks for a snapshot. */
  private miss(): void {
    if (this.state.view === null) return;
    this.set({ view: wanting(this.state.view) });
    this.watch.want();
  }

  private async loadDeliveries(before: number | null): Promise<void> {
    const { signal } = this.asking;
    const store = this.state.route.store;
    if (store === null) return;
    await this.load(signal, async () => {
      try {
        const page = await this.client.deliveries(store, before, PAGE, signal);
        if (!signal.aborted && this.state.view) this.set({ view: withDeliveries(this.state.view, page, before) });
      } catch (problem) {
        // A deployment that remembers no deliveries says so.
        if (!(problem instanceof Problem) || problem.status !== 501) throw problem;
        if (!signal.aborted && this.state.view)
          this.set({ view: { ...this.state.view, feedProblem: problem.message } });
      }
    });
  }

  private async load(signal: AbortSignal, ask: () => Promise<void>): Promise<void> {
    try {
      await ask();
      if (!signal.aborted) this.fresh();
    } catch (problem) {
      if (signal.aborted || !(problem instanceof Problem)) return;
      this.failed(problem);
      const { view } = this.state;
      if (problem.status === 404 && view) this.set({ view: viewOf(view.store), problem });
      else if (view?.status === null) this.set({ problem });
    }
  }

  private failed(problem: Problem): void {
    this.look(problem);
    if (problem.unreachable) this.set({ reachable: problem.status !== 0 });
  }

  private fresh(): void {
    this.set({ reachable: true, freshAt: new Date().toISOString() });
  }
}
