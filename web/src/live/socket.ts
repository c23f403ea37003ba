// Does what the machine says: opens sockets with a ticket each, sends, and wakes it when it is due.

import { type Asked, type Frame, readFrame } from '../api';
import { type Effect, type Event, type Link, type Machine, OFF, dueAt, linkOf, step } from './machine';

export interface Surroundings {
  /** Asks for a ticket: good for one connection, within half a minute. */
  ticket(): Promise<string>;
  url: URL;
  /** What is to be watched now. */
  watching(): Asked;
  heard(frame: Frame): void;
  link(link: Link): void;
}

export class Socket {
  private machine: Machine = OFF;
  private readonly sockets = new Map<number, WebSocket>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private shown: Link = linkOf(OFF);

  constructor(private readonly outside: Surroundings) {}

  get link(): Link {
    return this.shown;
  }

  dispatch(event: Event): void {
    const { machine, effects } = step(this.machine, event, Date.now(), Math.random);
    this.machine = machine;
    for (const effect of effects) this.perform(effect);
    clearTimeout(this.timer);
    const due = dueAt(this.machine);
    if (due !== null) {
      this.timer = setTimeout(() => this.dispatch({ type: 'tick' }), Math.min(Math.max(due - Date.now(), 0), 2 ** 30));
    }
    const link = linkOf(this.machine);
    if (link !== this.shown) {
      this.shown = link;
      this.outside.link(link);
    }
  }

  /** Asks for a snapshot of what is to be watched now, if there is a socket; one that opens later does so by itself. */
  watch(): boolean {
    const id = this.machine.current?.opened ? this.machine.current.id : null;
    const sent = id !== null && this.send(id, this.outside.watching());
    if (sent) this.dispatch({ type: 'asked' });
    return sent;
  }

  private send(id: number, asked: Asked): boolean {
    const socket = this.sockets.get(id);
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(asked));
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
        this.send(effect.id, this.outside.watching());
    }
  }

  private async open(id: number): Promise<void> {
    try {
      const url = new URL(this.outside.url);
      url.searchParams.set('ticket', await this.outside.ticket());
      if (this.machine.current?.id !== id && this.machine.next?.id !== id) return;
      const socket = new WebSocket(url);
      this.sockets.set(id, socket);
      socket.addEventListener('open', () => this.dispatch({ type: 'opened', id }));
      socket.addEventListener('close', () => {
        // What was closed on purpose is not there any more.
        if (this.sockets.delete(id)) this.dispatch({ type: 'closed', id });
      });
      socket.addEventListener('message', (event: MessageEvent<unknown>) => {
        if (this.sockets.get(id) !== socket) return;
        const frame = typeof event.data === 'string' ? readFrame(event.data) : null;
        if (frame === null) return;
        this.dispatch({ type: 'heard', id });
        this.outside.heard(frame);
      });
    } catch {
      this.dispatch({ type: 'closed', id });
    }
  }
}
