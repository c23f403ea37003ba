// Tabs of one browser that are signed in alike and look at the same place share one connection: the one that holds the lock
// has it, and tells the others what it hears. When it goes, the lock goes to the next. A tab that looks at another place is
// with other tabs: none moves another. Without Web Locks (they need a secure context,
// https://developer.mozilla.org/en-US/docs/Web/API/Web_Locks_API) every tab is on its own.

import type { Frame, Notice } from '../api';
import type { Link } from './machine';

export type Told =
  /** A tab has come, and wants to know where things are. */
  | { kind: 'hello' }
  | {
      kind: 'welcome';
      to: string;
      link: Link;
      frame: Frame | null;
      notices: Notice[];
      dismissed: string[];
    }
  | { kind: 'frame'; frame: Frame }
  | { kind: 'link'; link: Link }
  | { kind: 'dismiss'; ids: string[] }
  /** The leader should ask for a snapshot. */
  | { kind: 'watch' }
  /** The leader should look at its clock: a tab in the background has a slow one. */
  | { kind: 'nudge'; hurry: boolean };

export interface Message {
  from: string;
  told: Told;
}

/** As BroadcastChannel has it. */
export interface Channel {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  close(): void;
}

/** As navigator.locks has it. */
export interface Locks {
  request(name: string, options: { signal: AbortSignal }, held: () => Promise<void>): Promise<unknown>;
}

export interface Listener {
  heard(told: Told, from: string): void;
  leads(): void;
}

export class Tabs {
  leader = false;
  readonly id: string;
  private readonly channel: Channel | null;
  private readonly left = new AbortController();
  private release: (() => void) | null = null;

  constructor(
    name: string,
    private readonly listener: Listener,
    outside: { channel: ((name: string) => Channel) | null; locks: Locks | null; id: string },
  ) {
    this.id = outside.id;
    const shared = outside.locks !== null && outside.channel !== null;
    this.channel = shared && outside.channel ? outside.channel(name) : null;
    this.channel?.addEventListener('message', (event) => this.receive(event.data));
    if (!shared || outside.locks === null) {
      queueMicrotask(() => this.lead());
      return;
    }
    outside.locks
      .request(name, { signal: this.left.signal }, () => {
        if (this.left.signal.aborted) return Promise.resolve();
        this.lead();
        return new Promise<void>((resolve) => {
          this.release = resolve;
        });
      })
      .catch(() => {
        // Left before it was its turn.
      });
  }

  tell(told: Told): void {
    if (!this.left.signal.aborted) this.channel?.postMessage({ from: this.id, told } satisfies Message);
  }

  leave(): void {
    this.left.abort();
    this.release?.();
    this.channel?.close();
    this.leader = false;
  }

  private lead(): void {
    if (this.left.signal.aborted) return;
    this.leader = true;
    this.listener.leads();
  }

  private receive(data: unknown): void {
    if (this.left.signal.aborted || typeof data !== 'object' || data === null) return;
    const message = data as Message;
    this.listener.heard(message.told, message.from);
  }
}
