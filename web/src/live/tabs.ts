// Tabs of one browser with the same principal at the same place share one connection. The tab that holds the lock leads: it has
// the connection, and sends the others its frames. When it goes, the lock passes to the next tab. A tab at another place is in
// another group. Without Web Locks (they need a secure context,
// https://developer.mozilla.org/en-US/docs/Web/API/Web_Locks_API) every tab leads itself.

import type { Frame, Notice } from '../api';
import type { Link } from './machine';

/** Message between tabs. */
export type TabMessage =
  /** A tab has come, and needs the state of the place. */
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
  /** The leader should request a snapshot. */
  | { kind: 'watch' }
  /** The leader should look at its clock, which is slow in a background tab; with `retry`, it should connect at once. */
  | { kind: 'wake'; retry: boolean };

interface Envelope {
  from: string;
  message: TabMessage;
}

/** The part of BroadcastChannel that is used. */
export interface Channel {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  close(): void;
}

/** The part of `navigator.locks` that is used. */
export interface Locks {
  request(name: string, options: { signal: AbortSignal }, callback: () => Promise<void>): Promise<unknown>;
}

export interface TabListener {
  received(message: TabMessage, from: string): void;
  /** This tab leads from now on. */
  elected(): void;
}

export class Tabs {
  isLeader = false;
  readonly id: string;
  private readonly channel: Channel | null;
  private readonly leaving = new AbortController();
  private releaseLock: (() => void) | null = null;

  constructor(
    name: string,
    private readonly listener: TabListener,
    browser: { channel: ((name: string) => Channel) | null; locks: Locks | null; id: string },
  ) {
    this.id = browser.id;
    const shares = browser.locks !== null && browser.channel !== null;
    this.channel = shares && browser.channel ? browser.channel(name) : null;
    this.channel?.addEventListener('message', (event) => this.receive(event.data));
    if (!shares || browser.locks === null) {
      queueMicrotask(() => this.lead());
      return;
    }
    browser.locks
      .request(name, { signal: this.leaving.signal }, () => {
        if (this.leaving.signal.aborted) return Promise.resolve();
        this.lead();
        return new Promise<void>((resolve) => {
          this.releaseLock = resolve;
        });
      })
      .catch(() => {
        // The tab left before it got the lock.
      });
  }

  send(message: TabMessage): void {
    if (!this.leaving.signal.aborted) this.channel?.postMessage({ from: this.id, message } satisfies Envelope);
  }

  leave(): void {
    this.leaving.abort();
    this.releaseLock?.();
    this.channel?.close();
    this.isLeader = false;
  }

  private lead(): void {
    if (this.leaving.signal.aborted) return;
    this.isLeader = true;
    this.listener.elected();
  }

  private receive(data: unknown): void {
    if (this.leaving.signal.aborted || typeof data !== 'object' || data === null) return;
    const { message, from } = data as Envelope;
    this.listener.received(message, from);
  }
}
