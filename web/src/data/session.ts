// Who is signed in here, and whether anybody may be. There are two ways to use the page, and they never mix:
//
//   operator   at the top of a tab of its own. The token is kept for the life of the tab, and given to other such tabs of
//              the same origin that ask; it is never in an address, and never kept where it outlives the browser.
//   embedded   in Shopify's admin. App Bridge gives a token for a minute, for each request
//              (https://shopify.dev/docs/api/app-home/apis/authentication-and-data/id-token-api).
//
// A page in a frame, or one whose address speaks of a shop, is never the first: whoever frames the page could have an operator
// click in it, and a shop decides itself what its own pages frame.

import { shopName } from './shop';

declare global {
  interface Window {
    shopify?: { idToken?: () => Promise<string> };
  }
}

const KEPT = 'hookline.token';
/** App Bridge does not answer outside of the admin. */
const APP_BRIDGE_WITHIN = 10_000;
/** Another tab answers within this, if there is one. */
const OTHERS_WITHIN = 250;
/** What Shopify's admin adds to the address of an app (https://shopify.dev/docs/apps/build/authentication-authorization). */
const OF_SHOPIFY = ['shop', 'host', 'embedded', 'id_token', 'hmac', 'session'];

export interface Session {
  kind: 'operator' | 'embedded';
  /** Names the session among other tabs. No secret. */
  key: string;
  bearer(): Promise<string>;
}

/** How the page may be used. */
export type Mode =
  | { kind: 'operator' }
  | { kind: 'embedded'; shop: string; session: Session }
  /** Not at all, as it was opened. */
  | { kind: 'shut'; title: string; reason: string; reload: boolean };

/** Where and how the page was opened. */
export interface Opened {
  search: string;
  /** Whether another page shows it in a frame. */
  framed: boolean;
  /** Whether the server gave it App Bridge to load. */
  bridged: boolean;
  shopify: Window['shopify'];
}

export function opened(): Opened {
  return {
    search: location.search,
    framed: window.top !== window.self,
    bridged: document.querySelector('meta[name="shopify-api-key"]') !== null,
    shopify: window.shopify,
  };
}

export function modeOf({ search, framed, bridged, shopify }: Opened): Mode {
  const query = new URLSearchParams(search);
  const shops = query.getAll('shop');
  const ofShopify = bridged || OF_SHOPIFY.some((name) => query.has(name));
  if (!ofShopify) return framed ? IN_A_FRAME : { kind: 'operator' };
  const shop = shops.length === 1 && shops[0] !== undefined ? shopName(shops[0]) : null;
  if (shop === null) return NO_SHOP;
  const idToken = shopify?.idToken;
  if (typeof idToken !== 'function') return NO_APP_BRIDGE;
  const bearer = () =>
    new Promise<string>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('App Bridge does not answer')), APP_BRIDGE_WITHIN);
      idToken()
        .then(resolve, reject)
        .finally(() => clearTimeout(late));
    });
  return { kind: 'embedded', shop, session: { kind: 'embedded', key: `shopify ${shop}`, bearer } };
}

const IN_A_FRAME: Mode = {
  kind: 'shut',
  title: 'Open Hookline in a tab of its own',
  reason: 'Another page shows this one in a frame. Nobody can sign in here.',
  reload: false,
};

const NO_SHOP: Mode = {
  kind: 'shut',
  title: 'This address names no store',
  reason: 'Open the app from your Shopify admin.',
  reload: false,
};

const NO_APP_BRIDGE: Mode = {
  kind: 'shut',
  title: 'Shopify did not load',
  reason:
    'This page needs Shopify’s App Bridge to know who you are. Reload it. If that does not help, open the app from your Shopify admin, and check that nothing blocks cdn.shopify.com.',
  reload: true,
};

export function isToken(text: string): boolean {
  return /^hl_[A-Za-z0-9]+_[A-Za-z0-9_-]{16,}$/.test(text);
}

export function operator(token: string): Session {
  // The second part names the token; the third is the secret.
  return { kind: 'operator', key: token.split('_').slice(0, 2).join('_'), bearer: () => Promise.resolve(token) };
}

type Told = { kind: 'who' } | { kind: 'token'; token: string } | { kind: 'ended'; key: string; reason: string | null };

/** As BroadcastChannel has it. */
export interface Channel {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
}

/** As sessionStorage has it. */
export type Kept = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Keeps the operator's token, and talks with other tabs about it. Only a page in operator mode may have one. */
export class TokenKeeper {
  constructor(
    private readonly channel: Channel | null,
    private readonly storage: () => Kept,
    private readonly listener: { token(token: string): void; ended(key: string, reason: string | null): void },
  ) {
    this.channel?.addEventListener('message', (event) => this.heard(event.data as Told));
  }

  /** The token of this tab, or of another. */
  async find(): Promise<string | null> {
    const kept = this.kept();
    if (kept !== null || this.channel === null) return kept;
    this.tell({ kind: 'who' });
    await new Promise((resolve) => setTimeout(resolve, OTHERS_WITHIN));
    return this.kept();
  }

  keep(token: string): void {
    this.store(token);
    this.tell({ kind: 'token', token });
  }

  forget(key: string, reason: string | null, tell: boolean): void {
    this.store(null);
    if (tell) this.tell({ kind: 'ended', key, reason });
  }

  private kept(): string | null {
    try {
      return this.storage().getItem(KEPT);
    } catch {
      return null;
    }
  }

  private store(token: string | null): void {
    try {
      if (token === null) this.storage().removeItem(KEPT);
      else this.storage().setItem(KEPT, token);
    } catch {
      // Storage is off: the token lives as long as the page.
    }
  }

  private tell(told: Told): void {
    this.channel?.postMessage(told);
  }

  private heard(told: Told): void {
    const kept = this.kept();
    if (told.kind === 'who' && kept !== null) this.tell({ kind: 'token', token: kept });
    if (told.kind === 'token' && kept === null && isToken(told.token)) {
      this.store(told.token);
      this.listener.token(told.token);
    }
    if (told.kind === 'ended') this.listener.ended(told.key, told.reason);
  }
}
