// Session of the page, and if there may be one. There are two modes, and they never mix:
//
//   operator   at the top of a tab. The token is kept for the life of the tab, and shared with other such tabs of the same
//              origin that request it; it is never in an address, and never stored where it outlives the browser.
//   embedded   in Shopify's admin. App Bridge returns a token for each request, valid for a minute
//              (https://shopify.dev/docs/api/app-home/apis/authentication-and-data/id-token-api).
//
// A page in a frame, or with a shop in its address, is never in operator mode: the framing page could trick an operator
// into clicks, and each shop decides itself what its own pages frame.

import { shopName } from './shop';

declare global {
  interface Window {
    shopify?: { idToken?: () => Promise<string> };
  }
}

const TOKEN_KEY = 'hookline.token';
/** Time within which App Bridge answers. Outside of the admin it never does. */
const APP_BRIDGE_TIMEOUT_MS = 10_000;
/** Time within which another tab answers, if there is one. */
const OTHER_TABS_TIMEOUT_MS = 250;
/** Parameters that Shopify's admin adds to the address of an app
 * (https://shopify.dev/docs/apps/build/authentication-authorization). */
const SHOPIFY_PARAMETERS = ['shop', 'host', 'embedded', 'id_token', 'hmac', 'session'];

export interface Session {
  kind: 'operator' | 'embedded';
  /** Name of the session among tabs. Not a secret. */
  key: string;
  bearer(): Promise<string>;
}

/** Use that the page allows. */
export type Mode =
  | { kind: 'operator' }
  | { kind: 'embedded'; shop: string; session: Session }
  /** None: the page cannot be signed in to in the way it was opened. */
  | { kind: 'unavailable'; title: string; reason: string; reload: boolean };

/** Circumstances in which the page was opened. */
export interface PageContext {
  search: string;
  /** True if another page shows it in a frame. */
  framed: boolean;
  /** True if the server added App Bridge to it. */
  hasAppBridge: boolean;
  shopify: Window['shopify'];
}

export function readPageContext(): PageContext {
  return {
    search: location.search,
    framed: window.top !== window.self,
    hasAppBridge: document.querySelector('meta[name="shopify-api-key"]') !== null,
    shopify: window.shopify,
  };
}

export function modeOf({ search, framed, hasAppBridge, shopify }: PageContext): Mode {
  const query = new URLSearchParams(search);
  const shops = query.getAll('shop');
  const isFromShopify = hasAppBridge || SHOPIFY_PARAMETERS.some((name) => query.has(name));
  if (!isFromShopify) return framed ? FRAMED : { kind: 'operator' };
  const shop = shops.length === 1 && shops[0] !== undefined ? shopName(shops[0]) : null;
  if (shop === null) return NO_SHOP;
  const idToken = shopify?.idToken;
  if (typeof idToken !== 'function') return NO_APP_BRIDGE;
  const bearer = () =>
    new Promise<string>((resolve, reject) => {
      const timeout = setTimeout(() => reject(new Error('App Bridge does not answer')), APP_BRIDGE_TIMEOUT_MS);
      idToken()
        .then(resolve, reject)
        .finally(() => clearTimeout(timeout));
    });
  return { kind: 'embedded', shop, session: { kind: 'embedded', key: `shopify ${shop}`, bearer } };
}

const FRAMED: Mode = {
  kind: 'unavailable',
  title: 'Open Hookline in its own tab',
  reason: 'Another page shows Hookline in a frame, where you cannot sign in. Open its address in a new tab.',
  reload: false,
};

const NO_SHOP: Mode = {
  kind: 'unavailable',
  title: 'No store in the address',
  reason: 'Open the app from your Shopify admin.',
  reload: false,
};

const NO_APP_BRIDGE: Mode = {
  kind: 'unavailable',
  title: 'Shopify did not load',
  reason:
    'This page needs Shopify’s App Bridge to know who you are. Reload the page. If that does not help, open the app from your Shopify admin and check that nothing blocks cdn.shopify.com.',
  reload: true,
};

export function isToken(text: string): boolean {
  return /^hl_[A-Za-z0-9]+_[A-Za-z0-9_-]{16,}$/.test(text);
}

export function operatorSession(token: string): Session {
  // hl_<id>_<secret>
  return { kind: 'operator', key: token.split('_').slice(0, 2).join('_'), bearer: () => Promise.resolve(token) };
}

/** Message between tabs of one origin. Tabs with an older page may send and receive it, too. */
type SessionMessage =
  /** A tab looks for a token. */
  { kind: 'who' } | { kind: 'token'; token: string } | { kind: 'ended'; key: string; reason: string | null };

/** The part of BroadcastChannel that is used. */
export interface Channel {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
}

/** The part of sessionStorage that is used. */
export type TokenStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Keeps the operator's token, and shares it with other tabs. Only a page in operator mode may have one. */
export class TokenKeeper {
  constructor(
    private readonly channel: Channel | null,
    private readonly storage: () => TokenStorage,
    private readonly listener: {
      received(token: string): void;
      ended(key: string, reason: string | null): void;
    },
  ) {
    this.channel?.addEventListener('message', (event) => this.receive(event.data as SessionMessage));
  }

  /** Returns the token of this tab, or of another. */
  async find(): Promise<string | null> {
    const token = this.read();
    if (token !== null || this.channel === null) return token;
    this.send({ kind: 'who' });
    await new Promise((resolve) => setTimeout(resolve, OTHER_TABS_TIMEOUT_MS));
    return this.read();
  }

  keep(token: string): void {
    this.write(token);
    this.send({ kind: 'token', token });
  }

  /** Forgets the token. `everywhere` ends the session in the other tabs, too. */
  forget(key: string, reason: string | null, everywhere: boolean): void {
    this.write(null);
    if (everywhere) this.send({ kind: 'ended', key, reason });
  }

  private read(): string | null {
    try {
      return this.storage().getItem(TOKEN_KEY);
    } catch {
      return null;
    }
  }

  private write(token: string | null): void {
    try {
      if (token === null) this.storage().removeItem(TOKEN_KEY);
      else this.storage().setItem(TOKEN_KEY, token);
    } catch {
      // Storage is off: the token lives as long as the page.
    }
  }

  private send(message: SessionMessage): void {
    this.channel?.postMessage(message);
  }

  private receive(message: SessionMessage): void {
    const own = this.read();
    if (message.kind === 'who' && own !== null) this.send({ kind: 'token', token: own });
    if (message.kind === 'token' && own === null && isToken(message.token)) {
      this.write(message.token);
      this.listener.received(message.token);
    }
    if (message.kind === 'ended') this.listener.ended(message.key, message.reason);
  }
}
