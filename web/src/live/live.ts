// Live updates of the place that the panel shows. Frames come from the WebSocket of this tab, or of another tab at the same
// place.

import type { ClientMessage, Frame, Notice } from '../api';
import type { Client } from '../data/client';
import type { Session } from '../data/session';
import type { StateAccess } from '../data/state';
import { Throttle } from '../data/throttle';
import { asSnapshot, withSnapshotRequest } from '../data/view';
import { type FrameListener, takeFrame } from './frames';
import type { Link } from './machine';
import { Socket } from './socket';
import { type TabMessage, Tabs } from './tabs';

/** Shortest interval between two requests for a snapshot. */
const SNAPSHOT_EVERY_MS = 1_000;

export interface LiveListener extends FrameListener {
  linkChanged(link: Link): void;
  ticketFailed(error: unknown): void;
}

export class Live {
  /** Tabs at the same place. */
  private tabs: Tabs;
  /** Connection of this tab, if it leads: it moves with the tab from place to place. */
  private socket: Socket | null = null;
  private readonly snapshot = new Throttle(SNAPSHOT_EVERY_MS, () => this.sendSnapshotRequest());

  constructor(
    private readonly state: StateAccess,
    private readonly client: Client,
    private readonly session: Session,
    private readonly scope: string,
    private readonly listener: LiveListener,
  ) {
    this.tabs = this.join();
  }

  leave(): void {
    this.snapshot.cancel();
    this.tabs.leave();
    this.yieldConnection();
  }

  /** Joins the tabs at the place that the panel shows now. */
  move(): void {
    this.tabs.leave();
    this.tabs = this.join();
  }

  /** Begins again with the place that the panel shows now. */
  restart(): void {
    this.snapshot.cancel();
    if (this.tabs.isLeader) this.socket?.watch();
  }

  /** Requests a snapshot, because updates were missed. */
  requestSnapshot(): void {
    const { view } = this.state.get();
    if (view === null) return;
    this.state.set({ view: withSnapshotRequest(view) });
    this.snapshot.schedule();
  }

  /** Tests the connection: the network or the visibility of the page has changed. */
  verify(): void {
    if (this.socket) this.socket.dispatch({ type: 'verify' });
    else this.tabs.send({ kind: 'wake', retry: true });
  }

  /** Connects without waiting for the next try: the server answers again. */
  retry(): void {
    if (this.socket) this.socket.dispatch({ type: 'retry' });
    else this.tabs.send({ kind: 'wake', retry: true });
  }

  tick(): void {
    if (this.state.get().link !== 'live' && !this.tabs.isLeader) this.tabs.send({ kind: 'wake', retry: false });
  }

  /** Hides notices in all tabs at this place. */
  dismiss(ids: string[]): void {
    this.addDismissed(ids);
    this.tabs.send({ kind: 'dismiss', ids });
  }

  /** Called once this tab leads the tabs at its place. */
  elected(): void {
    const { live_url } = this.state.get().me;
    if (live_url === null) return;
    if (this.socket === null) {
      this.socket = this.connect(new URL(live_url));
      this.socket.dispatch({ type: 'start' });
    } else {
      this.socket.watch();
      this.tabs.send({ kind: 'link', link: this.socket.link });
    }
    this.setLink(this.socket.link);
  }

  /** Called with each message of another tab at the same place. */
  received(message: TabMessage, from: string): void {
    switch (message.kind) {
      case 'hello':
        if (this.tabs.isLeader) this.welcome(from);
        return;
      case 'welcome':
        if (message.to !== this.tabs.id) return;
        this.yieldConnection();
        this.addDismissed(message.dismissed);
        if (message.frame !== null) this.take(message.frame);
        this.addNotices(message.notices);
        this.setLink(message.link);
        return;
      case 'frame':
        this.yieldConnection();
        this.take(message.frame);
        return;
      case 'link':
        this.yieldConnection();
        this.setLink(message.link);
        return;
      case 'dismiss':
        this.addDismissed(message.ids);
        return;
      case 'watch':
        if (this.tabs.isLeader) this.snapshot.schedule();
        return;
      case 'wake':
        this.socket?.dispatch({ type: message.retry ? 'retry' : 'tick' });
    }
  }

  private join(): Tabs {
    const { me, route } = this.state.get();
    const tabs = new Tabs(`hookline tabs ${this.scope} ${me.principal} ${route.store ?? '*'}`, this, {
      channel: 'BroadcastChannel' in window ? (name) => new BroadcastChannel(name) : null,
      locks: 'locks' in navigator ? navigator.locks : null,
      id: Math.random().toString(36).slice(2),
    });
    tabs.send({ kind: 'hello' });
    return tabs;
  }

  private connect(url: URL): Socket {
    return new Socket({
      ticket: () => this.ticket(),
      url,
      watchMessage: () => this.watchMessage(),
      onFrame: (frame) => {
        if (!this.tabs.isLeader) return;
        this.tabs.send({ kind: 'frame', frame });
        this.take(frame);
      },
      onLink: (link) => {
        if (!this.tabs.isLeader) return;
        this.tabs.send({ kind: 'link', link });
        this.setLink(link);
      },
    });
  }

  private async ticket(): Promise<string> {
    try {
      return (await this.client.ticket()).ticket;
    } catch (error) {
      this.listener.ticketFailed(error);
      throw error;
    }
  }

  private watchMessage(): ClientMessage {
    const { store } = this.state.get().route;
    return { action: 'watch', store, list: store === null, events: false };
  }

  private sendSnapshotRequest(): void {
    if (this.state.get().view?.needsSnapshot === false) return;
    if (this.tabs.isLeader) this.socket?.watch();
    else this.tabs.send({ kind: 'watch' });
  }

  /** Closes the connection of this tab where another tab leads. */
  private yieldConnection(): void {
    if (this.tabs.isLeader) return;
    this.socket?.dispatch({ type: 'stop' });
    this.socket = null;
  }

  /** Hands the state of this place to a tab that has just come. */
  private welcome(to: string): void {
    const { view, link, dismissed } = this.state.get();
    this.tabs.send({
      kind: 'welcome',
      to,
      link,
      frame: view === null ? null : asSnapshot(view),
      notices: view?.notices ?? [],
      dismissed: [...dismissed],
    });
  }

  private addNotices(notices: Notice[]): void {
    const { view } = this.state.get();
    if (view !== null && view.notices.length === 0) this.state.set({ view: { ...view, notices } });
  }

  private addDismissed(ids: string[]): void {
    this.state.set({ dismissed: new Set([...this.state.get().dismissed, ...ids]) });
  }

  private setLink(link: Link): void {
    if (link === this.state.get().link) return;
    this.state.set({ link });
    this.listener.linkChanged(link);
  }

  private take(frame: Frame): void {
    // Shopify's tokens last a minute and are renewed with the socket. An operator's token is not renewed.
    if (frame.type === 'access' && this.session.kind === 'embedded')
      this.socket?.dispatch({ type: 'expires', at: Date.parse(frame.expires_at) });
    if (takeFrame(frame, this.state, this.listener)) this.snapshot.schedule();
  }
}
