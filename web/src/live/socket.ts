// Performs the effects of the machine: opens sockets with one ticket each, sends messages, and wakes the machine when it is due.

import { type ClientMessage, type Frame, readFrame } from '../api';
import { type Effect, type Event, type Link, type Machine, OFF, dueAt, linkOf, step } from './machine';

/** Longest delay that `setTimeout` takes, rounded down to a power of two. */
const MAX_TIMER_MS = 2 ** 30;

export interface SocketOptions {
  /** Requests a ticket, which is good for one connection within 30 seconds. */
  ticket(): Promise<string>;
  url: URL;
  /** Returns the message that follows the place shown now. */
  watchMessage(): ClientMessage;
  onFrame(frame: Frame): void;
  onLink(link: Link): void;
}

export class Socket {
  private machine: Machine = OFF;
  private readonly sockets = new Map<number, WebSocket>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lastLink: Link = linkOf(OFF);

  constructor(private readonly options: SocketOptions) {}

  get link(): Link {
    return this.lastLink;
  }

  dispatch(event: Event): void {
    const { machine, effects } = step(this.machine, event, Date.now(), Math.random);
    this.machine = machine;
    for (const effect of effects) this.perform(effect);
    clearTimeout(this.timer);
    const due = dueAt(this.machine);
    if (due !== null) {
      const delay = Math.min(Math.max(due - Date.now(), 0), MAX_TIMER_MS);
      this.timer = setTimeout(() => this.dispatch({ type: 'tick' }), delay);
    }
    const link = linkOf(this.machine);
    if (link !== this.lastLink) {
      this.lastLink = link;
      this.options.onLink(link);
    }
  }

  /** Requests a snapshot of the place shown now, if the socket is open. A socket that opens later requests one by itself. */
  watch(): void {
    const id = this.machine.current?.opened ? this.machine.current.id : null;
    if (id !== null && this.send(id, this.options.watchMessage())) this.dispatch({ type: 'requested' });
  }

  private send(id: number, message: ClientMessage): boolean {
    const socket = this.sockets.get(id);
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  private perform(effect: Effect): void {
    switch (effect.type) {
      case 'open':
        void this.open(effect.id);
        return;
      case 'close': {
        const socket = this.sockets.get(effect.id);
        this.sockets.delete(effect.id);
        socket?.close(1000);
        return;
      }
      case 'ping':
        if (this.machine.current) this.send(this.machine.current.id, { action: 'ping' });
        return;
      case 'watch':
        this.send(effect.id, this.options.watchMessage());
    }
  }

  private async open(id: number): Promise<void> {
    try {
      const url = new URL(this.options.url);
      url.searchParams.set('ticket', await this.options.ticket());
      if (this.machine.current?.id !== id && this.machine.next?.id !== id) return;
      const socket = new WebSocket(url);
      this.sockets.set(id, socket);
      socket.addEventListener('open', () => this.dispatch({ type: 'opened', id }));
      socket.addEventListener('close', () => {
        // A socket that we closed ourselves is no longer in the map.
        if (this.sockets.delete(id)) this.dispatch({ type: 'closed', id });
      });
      socket.addEventListener('message', (event: MessageEvent<unknown>) => {
        if (this.sockets.get(id) !== socket) return;
        const frame = typeof event.data === 'string' ? readFrame(event.data) : null;
        if (frame === null) return;
        this.dispatch({ type: 'received', id });
        this.options.onFrame(frame);
      });
    } catch {
      this.dispatch({ type: 'closed', id });
    }
  }
}
